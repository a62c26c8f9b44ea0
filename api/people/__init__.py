"""Officers: their roles, sign-in, sessions, passkeys, and the identity provider."""
