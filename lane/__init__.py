"""One passage through one lane: evidence, policy, gate; never an officer's screen."""

__version__ = "0.1.0"
