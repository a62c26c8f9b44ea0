"""Helpers for tests of models."""
