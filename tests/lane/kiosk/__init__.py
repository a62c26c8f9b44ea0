"""Tests of `lane.kiosk`."""
