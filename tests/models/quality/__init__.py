"""Quality measures."""
