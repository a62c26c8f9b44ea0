"""One passage through one lane: evidence, policy, gate; never an officer's screen."""
