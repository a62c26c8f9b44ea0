"""Tests of `lane.platform`."""
