"""Results as one HTML file that a buyer can read: no script, no network, nothing that is not in it."""
