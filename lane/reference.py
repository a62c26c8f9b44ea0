"""The document photo: how usable it is, and the reference that live frames are compared with."""

from dataclasses import dataclass
from datetime import date

from lane.document import TravelDocument, check_expiry
from lane.evidence import DocumentEvidence
from lane.measure import Measurer, Stopwatch
from models.errors import ImageError, ModelError
from models.face import Embedding, Face, ImageBGR
from models.image import decode
from models.measurement import Measured, NotAssessed


@dataclass(frozen=True, slots=True, eq=False)
class Reference:
    """What the document gave. Without an embedding there is nothing to compare with."""

    evidence: DocumentEvidence
    embedding: Embedding | None = None
    image_bgr: ImageBGR | None = None
    face: Face | None = None
    """The only face on the photo."""
    engine_fault: str | None = None


def examine(document: TravelDocument, today: date, measurer: Measurer, watch: Stopwatch) -> Reference:
    """Check the document and embed its photo. Never raises for a bad photo or a failing network: says so."""
    expiry = check_expiry(document, today)
    unknown = NotAssessed("photo not decoded")
    image_bgr = None
    try:
        with watch.time("decode"):
            image_bgr = decode(document.photo)
        sighting = measurer.look(image_bgr, watch)
        embedding = measurer.embed(sighting, watch) if sighting.faces == 1 else None
    except ImageError as error:
        return Reference(DocumentEvidence(expiry, document.expires_on, unknown, {}, error.code))
    except ModelError as error:
        evidence = DocumentEvidence(expiry, document.expires_on, NotAssessed("engine failed"), {})
        return Reference(evidence, image_bgr=image_bgr, engine_fault=type(error).__name__)
    evidence = DocumentEvidence(expiry, document.expires_on, Measured(sighting.faces), sighting.quality)
    face = sighting.face if sighting.faces == 1 else None
    return Reference(evidence, embedding, image_bgr, face)
