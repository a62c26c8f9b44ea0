import re
import warnings
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
from tests.support.models.encoded_pictures import encoded, jpeg_promising, noise, png_header

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


def red(mode: str) -> Image.Image:
    return Image.new("RGB", (8, 6), (250, 20, 10)).convert(mode)


@pytest.mark.parametrize("kind", ["PNG", "JPEG", "JPEG2000"])
def test_red_comes_out_last_in_bgr(kind: str) -> None:
    pixels = decode(encoded(red("RGB"), kind))
    assert pixels.shape == (6, 8, 3)
    assert np.allclose(pixels.reshape(-1, 3), [10, 20, 250], atol=12)


@pytest.mark.parametrize(("mode", "kind"), [("CMYK", "JPEG"), ("P", "PNG"), ("RGBA", "PNG")])
def test_every_colour_model_becomes_bgr(mode: str, kind: str) -> None:
    blue, green, full = decode(encoded(red(mode), kind)).reshape(-1, 3).mean(0)
    assert full > 200
    assert max(blue, green) < 60


@pytest.mark.parametrize("mode", ["L", "LA", "1"])
def test_gray_has_three_equal_channels(mode: str) -> None:
    pixels = decode(encoded(SMALL.convert(mode), "PNG"))
    assert pixels.dtype == np.uint8
    assert (pixels == pixels[..., :1]).all()


def test_sixteen_bit_gray_keeps_upper_byte() -> None:
    wide = np.array([[0, 255, 256, 65535]], np.uint16)
    assert decode(encoded(Image.fromarray(wide), "PNG"))[0, :, 0].tolist() == [0, 0, 1, 255]


def test_transparency_is_white() -> None:
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


def test_twenty_megapixel_photo_is_read() -> None:
    assert decode(encoded(Image.new("RGB", (5472, 3648), "gray"), "JPEG")).shape == (3648, 5472, 3)


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


def test_own_jpeg_can_be_read() -> None:
    pixels = decode(GOOD["png"])
    back = decode(encode_jpeg(np.full_like(pixels, 120)))
    assert back.shape == pixels.shape
    assert abs(int(back.mean()) - 120) <= 1
