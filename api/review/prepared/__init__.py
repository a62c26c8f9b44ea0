"""Prepared cases, of which the truth is known: kept, and inserted into officers' work."""
