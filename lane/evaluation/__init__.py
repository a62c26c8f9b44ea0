"""The matcher in service: impostor and genuine comparisons, a second matcher, rates with intervals."""
