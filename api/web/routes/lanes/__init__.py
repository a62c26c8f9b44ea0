"""Deliveries of lanes, their tokens, the hall and the evaluation as JSON."""
