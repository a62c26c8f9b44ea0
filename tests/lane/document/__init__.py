"""Tests of `lane.document.travel_document`."""
