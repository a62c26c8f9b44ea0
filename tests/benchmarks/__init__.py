"""Benchmarks: their arithmetic against known values, their output against its form; never a speed."""
