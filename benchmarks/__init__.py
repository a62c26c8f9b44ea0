"""Measures, never asserts; nothing imports it."""
