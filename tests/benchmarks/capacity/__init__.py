"""Lanes that run for minutes: how many one machine carries, memory, a film in real time."""
