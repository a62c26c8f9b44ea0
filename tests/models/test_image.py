import re
import struct
import warnings
import zlib
from io import BytesIO
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from models import image
from models.errors import ImageError
from models.image import decode, encode_jpeg, orientation, read
from tests.support import tiers


def noise(width: int = 40, height: int = 60) -> Image.Image:
    pixels = np.random.default_rng(0).integers(0, 256, (height, width, 3), np.uint8)
    return Image.fromarray(pixels)


def encoded(picture: Image.Image, kind: str, **options: object) -> bytes:
    stream = BytesIO()
    picture.save(stream, kind, **options)
    return stream.getvalue()


def png_header(width: int, height: int) -> bytes:
    """A PNG that promises a size and then holds one empty chunk of pixels."""
    chunks = [(b"IHDR", struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)), (b"IDAT", zlib.compress(b""))]
    return b"\x89PNG\r\n\x1a\n" + b"".join(
        struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))
        for kind, body in chunks
    )


def jpeg_promising(width: int, height: int) -> bytes:
    """A small JPEG whose frame header promises another size."""
    data = bytearray(encoded(noise(), "JPEG"))
    at = data.index(b"\xff\xc0") + 5
    data[at : at + 4] = struct.pack(">HH", height, width)
    return bytes(data)


SMALL = noise()
GOOD = {
    "jpeg": encoded(SMALL, "JPEG"),
    "progressive jpeg": encoded(SMALL, "JPEG", progressive=True),
    "png": encoded(SMALL, "PNG"),
    "jpeg 2000": encoded(SMALL, "JPEG2000"),
    "palette": encoded(SMALL.convert("P"), "PNG"),
}


def code_of(data: bytes) -> str:
    with pytest.raises(ImageError) as caught:
        decode(data)
    return caught.value.code


@pytest.mark.parametrize(
    ("mode", "kind"),
    [("RGB", "PNG"), ("RGB", "JPEG"), ("RGB", "JPEG2000"), ("CMYK", "JPEG"), ("P", "PNG"), ("RGBA", "PNG")],
)
def test_red_comes_out_last_in_bgr(mode: str, kind: str) -> None:
    pixels = decode(encoded(Image.new("RGB", (8, 6), (250, 20, 10)).convert(mode), kind))
    assert pixels.shape == (6, 8, 3)
    blue, green, full = pixels.reshape(-1, 3).mean(0)
    assert full > 200
    assert max(blue, green) < 60
    assert mode != "RGB" or np.allclose(pixels.reshape(-1, 3), [10, 20, 250], atol=12)


@pytest.mark.parametrize("mode", ["L", "LA", "1"])
def test_gray_has_three_equal_channels(mode: str) -> None:
    pixels = decode(encoded(SMALL.convert(mode), "PNG"))
    assert pixels.dtype == np.uint8
    assert (pixels == pixels[..., :1]).all()


def test_sixteen_bits_and_transparency_become_8_bits() -> None:
    """The upper byte, and white."""
    wide = np.array([[0, 255, 256, 65535]], np.uint16)
    assert decode(encoded(Image.fromarray(wide), "PNG"))[0, :, 0].tolist() == [0, 0, 1, 255]
    hidden = Image.new("RGBA", (4, 4), (0, 0, 0, 0))
    assert (decode(encoded(hidden, "PNG")) == 255).all()


@pytest.mark.parametrize("tag", range(1, 9))
@pytest.mark.parametrize("kind", ["JPEG", "PNG"])
def test_picture_stands_upright(tag: int, kind: str) -> None:
    upright = Image.new("RGB", (24, 16), "black")
    upright.paste((255, 255, 255), (0, 0, 8, 8))
    turn = {1: None, 2: 0, 3: 3, 4: 1, 5: 5, 6: 2, 7: 6, 8: 4}[tag]
    held = upright if turn is None else upright.transpose(Image.Transpose(turn))
    exif = Image.Exif()
    exif[0x0112] = tag
    pixels = decode(encoded(held, kind, exif=exif.tobytes()))
    assert pixels.shape == (16, 24, 3)
    assert pixels[2:6, 2:6].mean() > 240
    assert pixels[10:, 12:].mean() < 15


@given(st.binary(max_size=80))
def test_no_metadata_upsets_the_orientation(tail: bytes) -> None:
    for start in (b"", b"Exif\x00\x00II*\x00", b"MM\x00*"):
        assert 1 <= orientation(start + tail) <= 8


@pytest.mark.parametrize(
    ("data", "code"),
    [
        (b"", "empty"),
        (b"these are words, not pixels", "not_an_image"),
        (b"\x00" * 1000, "not_an_image"),
        (b"\xff\xd8", "truncated"),
        (GOOD["jpeg"][:-400], "truncated"),
        (GOOD["png"][:-4000], "truncated"),
        (b"\xff\xd8\xff" + b"\x00" * 500, "corrupt"),
        (encoded(SMALL, "GIF"), "unsupported"),
        (encoded(SMALL, "BMP"), "unsupported"),
        (encoded(SMALL, "TIFF"), "unsupported"),
        (png_header(30_000, 30_000), "too_large"),
        (jpeg_promising(30_000, 30_000), "too_large"),
        (png_header(0, 10), "corrupt"),
    ],
)
def test_bad_picture_says_what_is_wrong(data: bytes, code: str) -> None:
    assert code_of(data) == code


@pytest.mark.parametrize("name", GOOD)
@settings(max_examples=tiers.examples(60), deadline=None)
@given(data=st.data())
def test_damage_gives_image_error_or_picture(name: str, data: st.DataObject) -> None:
    damaged = bytearray(GOOD[name])
    for at in data.draw(st.lists(st.integers(0, len(damaged) - 1), max_size=8)):
        damaged[at] = data.draw(st.integers(0, 255))
    cut = data.draw(st.integers(0, len(damaged)))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(image, "MAX_PIXELS", 1_000_000)
        try:
            pixels = decode(bytes(damaged[:cut]))
        except ImageError:
            return
    assert pixels.dtype == np.uint8
    assert pixels.shape[2] == 3


@pytest.mark.parametrize("pixels", [(10_000, 9_500), (13_000, 13_000)])
def test_pillow_warning_size_is_refused_silently(pixels: tuple[int, int]) -> None:
    """A size that Pillow only warns about, without that warning."""
    with warnings.catch_warnings(record=True) as heard:
        warnings.simplefilter("always")
        assert code_of(png_header(*pixels)) == "too_large"
    assert heard == []


def test_unusable_file_is_named(tmp_path: Path) -> None:
    big = tmp_path / "big.png"
    with big.open("wb") as stream:
        stream.truncate(image.MAX_BYTES + 1)
    for path, code in ((big, "too_large"), (tmp_path / "no.jpg", "unreadable"), (tmp_path, "unreadable")):
        with pytest.raises(ImageError, match=re.escape(str(path))) as caught:
            read(path)
        assert caught.value.code == code


def test_own_jpeg_of_20_megapixels_is_read() -> None:
    back = decode(encode_jpeg(np.full((3648, 5472, 3), 120, np.uint8)))
    assert back.shape == (3648, 5472, 3)
    assert abs(int(back.mean()) - 120) <= 1
