"""The pages about lanes: the hall, requests, tokens, the evaluation."""
