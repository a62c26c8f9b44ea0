"""Tests of `lane.capture.capture`."""
