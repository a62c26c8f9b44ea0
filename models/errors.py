"""What can go wrong between pixels and numbers.

ModelError
├── ImageError                 a picture that cannot be used: `code` says why
├── WeightsMissingError        not prepared yet: says which command prepares them
├── WeightsUnreadableError     there, but this user may not read it, or it is no file
├── WeightsChangedError        file, expected and found SHA-256
├── FetchError                 a pinned archive could not be fetched, or is not the one that was pinned
├── CatalogueError             the catalogue itself is wrong
├── ProviderError              the wanted provider does not run this graph
├── GoldenVectorError          a known face gave another answer than it must
├── InferenceError             a network did not run, or answered nonsense
└── MatchersDifferError        two embeddings of different matchers
"""

from pathlib import Path


class ModelError(Exception):
    """Anything that `models` raises on purpose."""


class ImageError(ModelError):
    """A picture that cannot be used; `code` is stable, the message is for people."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code = code


class WeightsMissingError(ModelError):
    def __init__(self, path: Path, remedy: str) -> None:
        super().__init__(f"{path} is missing: {remedy}")


class WeightsUnreadableError(ModelError):
    def __init__(self, path: Path, reason: str) -> None:
        super().__init__(f"{path} cannot be read: {reason}")


class WeightsChangedError(ModelError):
    def __init__(self, path: Path, expected: str, found: str, remedy: str = "") -> None:
        super().__init__(
            f"{path}: expected sha256 {expected}, found {found}" + (f". {remedy}" if remedy else "")
        )


class FetchError(ModelError):
    """An archive did not come, or it or a file in it is not the one that was pinned."""


class CatalogueError(ModelError):
    """The catalogue is unreadable, incomplete or contradicts itself."""


class ProviderError(ModelError):
    """The wanted execution provider is not there or does not run the whole graph."""


class GoldenVectorError(ModelError):
    """A known face gave another answer than it must: no answer of this network can be trusted."""


class InferenceError(ModelError):
    """A network was asked something it cannot answer, did not run, or answered nonsense."""


class MatchersDifferError(ModelError):
    """Embeddings of two matchers have no similarity."""
