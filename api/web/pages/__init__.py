"""The pages: each works without a script, by plain forms."""
