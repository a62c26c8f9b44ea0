"""The desk over HTTP: the application, its routes, and its pages."""
