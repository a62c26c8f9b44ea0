"""The desk in operation: whether it is ready, and its periodic tasks."""
