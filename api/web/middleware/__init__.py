"""Middleware: request ids, strict headers, answers to errors."""
