"""Untrusted bytes to pixels, with bounds before anything is decoded; every bad picture is an ImageError.

Only JPEG, PNG and JPEG 2000 (passport chips hold one of the two JPEGs) are opened, by their first bytes:
a file's name says nothing.
"""

import struct
import threading
import warnings
import zlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from io import BytesIO
from pathlib import Path

import cv2
import numpy as np
from PIL import Image, ImageFile, Jpeg2KImagePlugin, JpegImagePlugin, PngImagePlugin

from models.errors import ImageError
from models.values.face import ImageBGR

MAX_BYTES, MAX_PIXELS, MAX_SIDE = 32 * 2**20, 50_000_000, 30_000
"""What is more is refused before it is decoded."""

PNG = b"\x89PNG\r\n\x1a\n"

# The plug-ins are called by name: Image.open would try others, and warns about sizes that we refuse.
FORMATS: dict[bytes, Callable[[BytesIO], ImageFile.ImageFile]] = {
    b"\xff\xd8\xff": JpegImagePlugin.JpegImageFile,
    PNG: PngImagePlugin.PngImageFile,
    b"\x00\x00\x00\x0cjP  \r\n\x87\n": Jpeg2KImagePlugin.Jpeg2KImageFile,
    b"\xff\x4f\xff\x51": Jpeg2KImagePlugin.Jpeg2KImageFile,
}

KNOWN_BUT_NOT_OPENED = {
    b"GIF8": "GIF",
    b"BM": "BMP",
    b"II*\x00": "TIFF",
    b"MM\x00*": "TIFF",
    b"RIFF": "WebP",
    b"%PDF": "PDF",
}

# What Pillow's decoders raise on damaged input.
DAMAGE = (
    OSError,
    SyntaxError,
    ValueError,
    TypeError,
    LookupError,
    EOFError,
    OverflowError,
    struct.error,
    zlib.error,
)

CUT_OFF = ("truncated", "unexpected end", "not enough", "requires a buffer")
"""Words of these errors where the picture's end is missing."""

# EXIF orientation to what brings the picture upright.
UPRIGHT = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}
ORIENTATION_TAG = 0x0112

_quiet_lock = threading.Lock()


def read(path: Path) -> ImageBGR:
    """The picture in a file, as `decode`; ImageError `unreadable` if there is no such file."""
    try:
        if path.stat().st_size > MAX_BYTES:
            raise ImageError("too_large", f"{path}: more than {MAX_BYTES} bytes")
        data = path.read_bytes()
    except OSError as error:
        raise ImageError("unreadable", f"{path}: {error.strerror}") from error
    try:
        return decode(data)
    except ImageError as error:
        raise ImageError(error.code, f"{path}: {error}") from error


def decode(data: bytes) -> ImageBGR:
    """Upright 8-bit BGR pixels. Transparent parts become white, 16-bit values their upper 8 bits.

    ImageError.code: empty, not_an_image, unsupported, too_large, truncated, corrupt.
    """
    if not data:
        raise ImageError("empty", "the file is empty")
    if len(data) > MAX_BYTES:
        raise ImageError("too_large", f"{len(data)} bytes; at most {MAX_BYTES} are read")
    opener = _opener(data)
    if data.startswith(PNG) and len(data) >= 24:
        # Pillow reads on to the first pixels before it tells the size.
        _within_limits(struct.unpack_from(">II", data, 16))
    with _quiet(), _damage_named():
        picture = opener(BytesIO(data))
        _within_limits(picture.size)
        picture.load()
        upright = _upright(picture)
    return _to_bgr(upright)


def encode_jpeg(image_bgr: ImageBGR, quality: int = 92) -> bytes:
    """The picture as JPEG bytes without any metadata."""
    done, data = cv2.imencode(".jpg", image_bgr, [cv2.IMWRITE_JPEG_QUALITY, quality])
    if not done:
        raise ImageError("unsupported", f"a picture of shape {image_bgr.shape} does not fit a JPEG")
    return data.tobytes()


def _opener(data: bytes) -> Callable[[BytesIO], ImageFile.ImageFile]:
    for magic, opener in FORMATS.items():
        if data.startswith(magic):
            return opener
    for magic, name in KNOWN_BUT_NOT_OPENED.items():
        if data.startswith(magic):
            raise ImageError("unsupported", f"{name} is not read; use JPEG, PNG or JPEG 2000")
    if any(magic.startswith(data) for magic in FORMATS):
        raise ImageError("truncated", "the file ends within its first bytes")
    raise ImageError("not_an_image", "the bytes are not a JPEG, PNG or JPEG 2000 picture")


def _within_limits(size: tuple[int, int]) -> None:
    width, height = size
    if width < 1 or height < 1:
        raise ImageError("corrupt", f"the picture says it has {width} × {height} pixels")
    if width * height > MAX_PIXELS or max(size) > MAX_SIDE:
        raise ImageError("too_large", f"{width} × {height} pixels; at most {MAX_PIXELS} are decoded")


@contextmanager
def _damage_named() -> Iterator[None]:
    """Damage that Pillow meets becomes an ImageError that says which."""
    try:
        yield
    except MemoryError as error:
        raise ImageError("too_large", "the picture does not fit into memory") from error
    except DAMAGE as error:
        cut = any(words in str(error).lower() for words in CUT_OFF)
        raise ImageError("truncated" if cut else "corrupt", f"the picture is damaged: {error}") from error


@contextmanager
def _quiet() -> Iterator[None]:
    """Pillow warns about odd metadata, of which only the orientation is used. Filters are process-wide."""
    with _quiet_lock, warnings.catch_warnings():
        warnings.simplefilter("ignore")
        yield


def _upright(picture: Image.Image) -> Image.Image:
    turn = UPRIGHT.get(orientation(picture.info.get("exif", b"")))
    return picture if turn is None else picture.transpose(turn)


def orientation(exif: bytes) -> int:
    """The orientation in an EXIF block, 1 (upright) where there is none that makes sense.

    Read here: a full EXIF parser is a large surface for untrusted bytes, and one number is wanted.
    """
    tiff = exif.removeprefix(b"Exif\x00\x00")
    order = {b"II*\x00": "<", b"MM\x00*": ">"}.get(tiff[:4])
    if order is None or len(tiff) < 10:
        return 1
    (start,) = struct.unpack_from(f"{order}I", tiff, 4)
    if start + 2 > len(tiff):
        return 1
    (count,) = struct.unpack_from(f"{order}H", tiff, start)
    for at in range(start + 2, min(start + 2 + 12 * count, len(tiff) - 11), 12):
        tag, kind, _, value = struct.unpack_from(f"{order}HHIH", tiff, at)
        if (tag, kind) == (ORIENTATION_TAG, 3):
            return value if value in UPRIGHT else 1
    return 1


def _to_bgr(picture: Image.Image) -> ImageBGR:
    if picture.mode.startswith("I") or picture.mode == "F":
        gray = np.asarray(picture, np.float64) / 256  # 16 bits; Pillow has no 8-bit view of them
        return np.repeat(gray.clip(0, 255).astype(np.uint8)[..., None], 3, axis=2)
    if picture.mode in ("RGBA", "LA", "PA") or "transparency" in picture.info:
        above = picture.convert("RGBA")
        picture = Image.alpha_composite(Image.new("RGBA", above.size, "white"), above)
    return cv2.cvtColor(np.asarray(picture.convert("RGB"), np.uint8), cv2.COLOR_RGB2BGR).astype(
        np.uint8, copy=False
    )
