"""Measures of the face: where it is, where it is turned, what covers it, how it moves."""
