"""Tests of `lane.desk`."""
