"""A prepared case: two faces of which the truth is known, as a file. Checked before it is kept."""

import base64
import binascii
import hashlib
from collections.abc import Callable
from dataclasses import dataclass
from typing import Annotated, Any, Literal

from pydantic import Field, ValidationError

from api.ledger.facts import ImageFact, JudgedFact
from api.platform.errors import CaseRefusedError
from api.platform.messages import Point, StrictMessage
from api.review.officer_accuracy import Truth

MOST_FILE_BYTES = 24 * 1024 * 1024
MOST_IMAGE_BYTES = 4 * 1024 * 1024
MOST_IMAGES = 9
_JPEG = b"\xff\xd8\xff"


class _Picture(StrictMessage):
    role: Literal["document", "live"]
    jpeg: Annotated[str, Field(max_length=MOST_IMAGE_BYTES * 3 // 2)]
    eyes: tuple[Point, Point] | None = None


class _File(StrictMessage):
    version: Literal[1]
    truth: Truth
    training: bool = False
    images: Annotated[list[_Picture], Field(min_length=2, max_length=MOST_IMAGES)]
    judged: dict[str, Any] = Field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class PreparedCase:
    """The truth, the judgement that a lane would have delivered, and the images by their SHA-256."""

    truth: Truth
    training: bool
    judged: JudgedFact
    images: dict[str, bytes]


def read(content: bytes, check: Callable[[bytes], object]) -> PreparedCase:
    """The case in a file; `check` decodes an image within bounds, and raises ValueError for what is none.

    Raises CaseRefusedError, which quotes nothing of the file.
    """
    if len(content) > MOST_FILE_BYTES:
        raise CaseRefusedError(f"the file has more than {MOST_FILE_BYTES} bytes")
    try:
        return made(_File.model_validate_json(content), check)
    except ValidationError as error:
        if error.errors()[0]["type"] == "json_invalid":
            raise CaseRefusedError(
                "this is no prepared case, a JSON file that `python -m lane prepare-case` makes; "
                "or give --document, --live and --truth with pictures"
            ) from None
        faults = ", ".join(sorted({".".join(map(str, one["loc"])) or "file" for one in error.errors()}))
        raise CaseRefusedError(f"not complete or not well formed: {faults}") from None


def of_pictures(
    document: bytes, live: list[bytes], truth: Truth, check: Callable[[bytes], object], *, training: bool
) -> PreparedCase:
    """A case of plain pictures; without eyes the page shows each face as large as its picture has it."""
    pictures = [("document", document), *(("live", one) for one in live)]
    images = [{"role": role, "jpeg": base64.b64encode(one).decode()} for role, one in pictures]
    try:
        file = _File.model_validate({"version": 1, "truth": truth, "training": training, "images": images})
    except ValidationError:
        raise CaseRefusedError(f"a case has a document and 1 to {MOST_IMAGES - 1} live pictures") from None
    return made(file, check)


def made(file: _File, check: Callable[[bytes], object]) -> PreparedCase:
    bodies = [_image(number, one, check) for number, one in enumerate(file.images)]
    if [one.role for one in file.images].count("document") != 1 or file.images[0].role != "document":
        raise CaseRefusedError("a case has one document photo, which comes first, and live pictures after it")
    shas = [hashlib.sha256(body).hexdigest() for body in bodies]
    images = [
        ImageFact(role=one.role, sha256=sha256, sequence=number or None, eyes=one.eyes)
        for number, (one, sha256) in enumerate(zip(file.images, shas, strict=True))
    ]
    # The judgement that a lane would have delivered; without reasons in the file: faces to be compared.
    body = {"remarks": [], "evidence": {}, **file.judged}
    body["reasons"] = body.get("reasons") or [{"code": "F09", "components": []}]
    body |= {"passage": "prepared", "outcome": "refer", "images": [one.model_dump() for one in images]}
    judged = JudgedFact.model_validate(body)
    return PreparedCase(file.truth, file.training, judged, dict(zip(shas, bodies, strict=True)))


def _image(number: int, one: _Picture, check: Callable[[bytes], object]) -> bytes:
    try:
        body = base64.b64decode(one.jpeg, validate=True)
    except (binascii.Error, ValueError):
        raise CaseRefusedError(f"image {number} is not in base64") from None
    if not 0 < len(body) <= MOST_IMAGE_BYTES or not body.startswith(_JPEG):
        raise CaseRefusedError(f"image {number} is no JPEG of at most {MOST_IMAGE_BYTES} bytes")
    try:
        check(body)
    except ValueError as error:
        raise CaseRefusedError(f"image {number} cannot be used: {error}") from error
    return body
