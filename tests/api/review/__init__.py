"""Tests of `api.review`."""
