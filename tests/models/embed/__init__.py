"""Templates and their similarity."""
