"""Results of several machines side by side, and as one HTML file that a buyer can read."""
