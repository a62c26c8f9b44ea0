"""Tests of `lane.evaluation.evaluator`."""
