"""Lanes, devices and faults for tests."""
