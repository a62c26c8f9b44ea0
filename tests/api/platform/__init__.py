"""Tests of `api.platform`."""
