"""Results on paper: tables, comparison, page."""
