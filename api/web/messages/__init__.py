"""The messages of the HTTP interface, and how they are made from the desk's values."""
