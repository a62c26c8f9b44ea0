"""How many passages one desk carries."""
