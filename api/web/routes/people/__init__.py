"""Sessions, passkeys and people as JSON."""
