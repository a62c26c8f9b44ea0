from collections.abc import Iterator
from dataclasses import dataclass

from lane.document.travel_document import TravelDocument


@dataclass(slots=True)
class SimulatedReader:
    """See `lane.document.port.DocumentReader`: documents are presented in this order, then none."""

    documents: Iterator[TravelDocument]

    def read(self) -> TravelDocument | None:
        return next(self.documents, None)
