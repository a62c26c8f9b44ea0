"""How near the networks come to what this machine can do."""
