"""Detector and face mesh."""
