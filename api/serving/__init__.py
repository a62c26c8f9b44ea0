"""The desk as processes that listen: workers, bounds of connections, HTTPS, logs."""
