"""Tests of `api.web.translations`."""
