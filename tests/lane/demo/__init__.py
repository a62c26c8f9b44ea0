"""Tests of `lane.demo.run`."""
