"""Pixels in, numbers out, never a verdict."""
