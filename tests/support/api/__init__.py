"""Helpers of the desk's tests."""
