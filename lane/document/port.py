"""The document reader as the lane uses it."""

from typing import Protocol

from lane.document.travel_document import TravelDocument


class DocumentReader(Protocol):
    """Where a passenger presents a document."""

    def read(self) -> TravelDocument | None:
        """Wait for the next document; None when the lane shall end. Raises DocumentError.

        May raise NobodyYetError after some seconds without one: the lane looks up, and asks again.
        """
        ...
