"""Tests of `api.audit`."""
