"""The known face, and drift."""
