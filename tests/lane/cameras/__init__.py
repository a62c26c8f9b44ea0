"""Tests of `lane.cameras`."""
