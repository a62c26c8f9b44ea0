"""Helpers for tests of benchmarks."""
