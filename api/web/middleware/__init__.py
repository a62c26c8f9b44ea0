"""What surrounds each request: its id, strict headers, answers to errors."""
