"""Does a network answer as it must: a drawn face in, a known answer out."""
