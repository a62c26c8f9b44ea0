"""What seals faces and signs heads. Nothing here is stored."""
