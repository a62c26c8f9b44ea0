"""Tests of `api.serving`."""
