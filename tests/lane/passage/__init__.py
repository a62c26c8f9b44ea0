"""Tests of `lane.decision.passage_states`."""
