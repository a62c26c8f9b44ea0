"""Ready networks, and the doctor."""
