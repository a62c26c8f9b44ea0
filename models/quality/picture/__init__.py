"""Measures of the picture: sharpness and compression."""
