"""Tests of `api.web.pages`."""
