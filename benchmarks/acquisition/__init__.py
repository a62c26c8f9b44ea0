"""From lists of pictures to templates: who is on them, which face is meant, by which matcher."""
