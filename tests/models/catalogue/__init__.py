"""Catalogue and prepared files."""
