"""Whether a face is there in person: cues over several looks, and one score of them all."""
