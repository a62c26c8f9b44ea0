"""What was presented: travel documents, and the readers that they come from."""
