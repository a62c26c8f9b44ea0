"""How much a machine or a desk carries; lanes that run for minutes; a film in real time."""
