"""One cue of liveness a file."""
