"""What people do at the desk: one module of use cases for each kind of work. No HTTP, no tables."""
