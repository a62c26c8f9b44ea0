"""Measures of the light on a face."""
