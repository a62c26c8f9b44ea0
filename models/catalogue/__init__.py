"""Which networks exist, where their files come from, and whether a prepared file is the right one."""
