"""From the catalogue to networks that are ready, and what is wrong where they are not."""
