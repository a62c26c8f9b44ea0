"""Tests of `api.faces`."""
