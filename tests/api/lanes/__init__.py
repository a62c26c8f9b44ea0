"""Tests of `api.lanes`."""
