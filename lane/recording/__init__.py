"""Recordings of decisions: written by order, replayed, and erased in time."""
