"""Lanes: their tokens, and what they deliver."""
