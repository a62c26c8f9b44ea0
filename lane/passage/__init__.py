"""One passage from document to closed gate: examine, capture, decide, refer."""
