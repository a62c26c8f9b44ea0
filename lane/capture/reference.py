"""The document photo: how usable it is, and the reference that live frames are compared with."""

from dataclasses import dataclass, replace
from datetime import date

from lane.capture.measuring import Measurer, Stopwatch
from lane.decision.evidence import DocumentEvidence
from lane.document.travel_document import TravelDocument, check_age, check_expiry
from models.errors import ImageError, ModelError
from models.image import decode
from models.values.face import Embedding, Face, ImageBGR
from models.values.measurement import Measured, NotAssessed


@dataclass(frozen=True, slots=True, eq=False)
class Reference:
    """What the document gave. Without an embedding there is nothing to compare with."""

    evidence: DocumentEvidence
    embedding: Embedding | None = None
    image_bgr: ImageBGR | None = None
    face: Face | None = None
    """The only face on the photo."""
    engine_fault: str | None = None


def unexamined(document: TravelDocument, today: date, from_age: int) -> DocumentEvidence:
    """What the document says, without a look at its photo."""
    return DocumentEvidence(
        check_expiry(document, today),
        document.expires_on,
        NotAssessed("not examined"),
        {},
        kind=document.kind,
        age=check_age(document, today, from_age),
        checks=document.checks,
    )


def examine(
    document: TravelDocument, stated: DocumentEvidence, measurer: Measurer, watch: Stopwatch
) -> Reference:
    """Embed the photo of a document that states this. A bad photo or a failing network raises nothing."""
    image_bgr = None
    try:
        with watch.time("decode"):
            image_bgr = decode(document.photo)
        sighting = measurer.look(image_bgr, watch)
        embedding = measurer.embed(sighting, watch) if sighting.only_face else None
    except ImageError as error:
        undecoded = NotAssessed("photo not decoded")
        return Reference(replace(stated, photo_faces=undecoded, photo_fault=error.code))
    except ModelError as error:
        evidence = replace(stated, photo_faces=NotAssessed("engine failed"))
        return Reference(evidence, image_bgr=image_bgr, engine_fault=type(error).__name__)
    evidence = replace(stated, photo_faces=Measured(sighting.faces), photo_quality=sighting.quality)
    return Reference(evidence, embedding, image_bgr, sighting.only_face)
