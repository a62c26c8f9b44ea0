"""Tests, named after the promises that they hold."""
