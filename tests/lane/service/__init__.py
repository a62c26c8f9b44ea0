"""Tests of `lane.desk.command_handler`."""
