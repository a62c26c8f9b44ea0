"""The base of all parts of the desk: database, settings, errors, events, metrics."""
