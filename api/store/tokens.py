"""Tokens of lanes and sessions: random, told once, kept only as a hash."""

import hashlib


def token_hash(token: str) -> str:
    """What is kept of a token: it has 256 random bits, so a plain hash is enough."""
    return hashlib.sha256(token.encode("utf-8", "surrogateescape")).hexdigest()
