"""Tests of `api.web.messages`."""
