"""What every part of the desk stands on: database, settings, errors, events, metrics."""
