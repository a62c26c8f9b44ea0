"""Cases, shifts and accuracy as JSON."""
