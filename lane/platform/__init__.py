"""What every stage rests on: errors, clocks, child processes, positions in settings files."""
