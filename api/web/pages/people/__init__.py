"""The pages for signing in, the own account, and people."""
