"""Tests of `lane.gate`."""
