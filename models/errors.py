"""What can go wrong between pixels and numbers.

ModelError
├── ImageError                 a picture that cannot be used: `code` says why
├── WeightsMissingError        not prepared yet: says which command prepares them
├── WeightsChangedError        file, expected and found SHA-256
├── CatalogueError             the catalogue itself is wrong
├── ProviderError              the wanted provider does not run this graph
├── GoldenVectorError          a known face gave another answer than it must
├── InferenceError             a network did not run, or answered nonsense
└── MatchersDifferError        two embeddings of different matchers
"""


class ModelError(Exception):
    """Anything that `models` raises on purpose."""
