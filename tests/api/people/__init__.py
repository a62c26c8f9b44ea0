"""Tests of `api.people`."""
