"""What every command line of the project does first and last: refuse foreign packages, end quietly on a
closed pipe."""
