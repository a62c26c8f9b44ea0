"""Face images: sealed under keys, erased in time, kept under legal holds."""
