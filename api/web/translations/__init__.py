"""Texts for codes, in the officers' languages."""
