"""Which networks exist, where their files come from, and how these become checked files that run."""
