"""The hall: the state of each lane, commands to lanes, and requests by officers."""
