"""How long each step takes, and whether this code is slower than an earlier commit."""
