"""Beside other libraries on the same frames."""
