"""How officers review: cases, shifts, prepared cases, and each officer's accuracy."""
