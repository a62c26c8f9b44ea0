"""`python -m lane`, as a user types it.

One test starts the process; the others run in this one, most of them on networks that are loaded once.
"""

import json
import re
import struct
import subprocess
import sys
import zlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from api.review.officer_accuracy import Truth
from api.review.prepared import case_file
from lane.__main__ import main
from lane.capture.measuring import Measurer
from lane.service import build
from models.networks.build import Networks
from models.values.identity import MatcherIdentity
from tests.support import tiers
from tests.support.command_line import in_process
from tests.support.lane.calibration_files import policy_text, write

ROOT = Path(__file__).parents[2]


@pytest.fixture
def loaded(measurer: Measurer, monkeypatch: pytest.MonkeyPatch) -> None:
    """The networks that are loaded already: to load them takes more than a second of each command."""
    monkeypatch.setattr(build, "build_measurer", lambda *_: measurer)


def lane(*arguments: str | Path) -> "subprocess.CompletedProcess[str]":
    return in_process(main, *arguments)


def verify(document: Path, *live: str | Path) -> "subprocess.CompletedProcess[str]":
    """Live pictures, and further options."""
    return lane("verify", "--document", document, "--live", *live)


def verdict(document: Path, *live: Path) -> dict[str, Any]:
    return answer(verify(document, *live, "--json"))


def answer(done: "subprocess.CompletedProcess[str]") -> dict[str, Any]:
    assert done.returncode == 0, done.stderr
    assert done.stderr == ""
    plain: dict[str, Any] = json.loads(done.stdout)
    return plain


def test_holder_is_admitted_with_grounds(photos: Path) -> None:
    live = photos / "obama2.jpg", photos / "obama3.jpg"
    arguments = ("lane", "verify", "--document", photos / "obama.jpg", "--live", *live, "--json")
    done = subprocess.run(
        [sys.executable, "-W", "error", "-m", *arguments],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
        stdin=subprocess.DEVNULL,
    )
    plain = answer(done)
    assert plain["outcome"] == "admit"
    assert plain["reasons"] == []
    assert plain["similarity"] >= plain["threshold"]
    assert 0 < plain["achieved_fmr"] <= 1e-3
    assert 0 <= plain["holders_below_threshold"] <= 1
    assert set(plain["matcher"]) == {"name", "sha256"}
    assert set(plain["timings_ms"]) == {"detect", "align", "quality", "embed", "compare", "total"}
    assert all(value >= 0 for value in plain["timings_ms"].values())
    assert plain["quality"]["inter_eye_distance_px"] > 100
    assert plain["quality_mapped"].keys() == plain["quality"].keys()
    assert 85 < plain["quality_mapped"]["inter_eye_distance_px"] <= 100


@pytest.fixture
def blank(tmp_path: Path) -> Path:
    path = tmp_path / "blank.png"
    Image.new("RGB", (400, 500), "white").save(path)
    return path


@pytest.mark.usefixtures("loaded")
@pytest.mark.parametrize("live", [["biden.jpg"], ["obama2.jpg", "biden.jpg"]])
def test_other_person_refers_with_exit_0(live: list[str], photos: Path) -> None:
    plain = verdict(photos / "obama.jpg", *(photos / name for name in live))
    assert plain["outcome"] == "refer"
    assert plain["reasons"] == ["F10"]
    assert plain["similarity"] < plain["threshold"]


@pytest.mark.usefixtures("loaded")
def test_picture_without_face_refers(photos: Path, blank: Path) -> None:
    plain = verdict(blank, photos / "biden.jpg")
    assert (plain["reasons"], plain["similarity"]) == (["D16"], None)
    plain = verdict(photos / "obama.jpg", blank)
    assert (plain["outcome"], plain["quality"]) == ("refer", {})
    assert "F01" in plain["reasons"]


def png(width: int, height: int) -> bytes:
    """A PNG that promises this size and holds next to nothing."""

    def chunk(kind: bytes, content: bytes) -> bytes:
        return (
            struct.pack(">I", len(content)) + kind + content + struct.pack(">I", zlib.crc32(kind + content))
        )

    header = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    return (
        b"\x89PNG\r\n\x1a\n"
        + chunk(b"IHDR", header)
        + chunk(b"IDAT", zlib.compress(b"\0" * 1000))
        + chunk(b"IEND", b"")
    )


def spoilt(photos: Path) -> dict[str, bytes]:
    jpeg = (photos / "obama.jpg").read_bytes()
    return {
        "truncated": jpeg[: len(jpeg) // 2],
        "corrupt": jpeg[:400] + bytes(200) + jpeg[600:],
        "empty": b"",
        "text": b"this is no picture\n" * 50,
        "huge-header": png(30_000, 30_000),
        "truncated-png": png(100, 100),
    }


@pytest.mark.usefixtures("loaded")
@pytest.mark.parametrize("kind", ["truncated", "empty", "text", "huge-header", "truncated-png", "missing"])
@pytest.mark.parametrize("role", ["document", "live"])
def test_unusable_picture_exits_with_2(kind: str, role: str, photos: Path, tmp_path: Path) -> None:
    """One clear line says why."""
    bad, good = tmp_path / f"{kind}.jpg", photos / "obama.jpg"
    if kind != "missing":
        bad.write_bytes(spoilt(photos)[kind])
    pair = (bad, good) if role == "document" else (good, bad)
    done = verify(*pair, "--json")
    assert done.returncode == 2
    assert done.stdout == ""
    assert done.stderr.startswith("error: ")
    assert done.stderr.count(str(bad)) == 1
    assert "Traceback" not in done.stderr
    assert len(done.stderr.splitlines()) == 1


@pytest.mark.usefixtures("loaded")
def test_corrupt_picture_gives_result_or_error(photos: Path, tmp_path: Path) -> None:
    bad = tmp_path / "corrupt.jpg"
    bad.write_bytes(spoilt(photos)["corrupt"])
    done = verify(photos / "obama.jpg", bad, "--json")
    assert done.returncode in (0, 2)
    assert "Traceback" not in done.stderr


def turned_by_exif(picture: Image.Image, path: Path) -> None:
    exif = Image.Exif()
    exif[0x0112] = 6
    picture.transpose(Image.Transpose.ROTATE_90).save(path, "JPEG", quality=95, exif=exif)


def in_16_bit(picture: Image.Image, path: Path) -> None:
    Image.fromarray(np.asarray(picture.convert("L"), np.uint16) * 257).save(path, "PNG")


def of_20_megapixels(picture: Image.Image, path: Path) -> None:
    scale = (20e6 / (picture.width * picture.height)) ** 0.5
    size = (round(picture.width * scale), round(picture.height * scale))
    picture.resize(size, Image.Resampling.BICUBIC).save(path, "JPEG", quality=90)


ODD: dict[str, Callable[[Image.Image, Path], None]] = {
    "cmyk": lambda picture, path: picture.convert("CMYK").save(path, "JPEG", quality=95),
    "gray": lambda picture, path: picture.convert("L").save(path, "PNG"),
    "16 bit": in_16_bit,
    "alpha": lambda picture, path: picture.convert("RGBA").save(path, "PNG"),
    "turned": turned_by_exif,
    "20 megapixels": of_20_megapixels,
}


@pytest.mark.usefixtures("loaded")
@tiers.parametrize("kind", ODD, quick=2)
def test_odd_sound_picture_keeps_outcome(kind: str, photos: Path, tmp_path: Path) -> None:
    odd = tmp_path / "odd.jpg"
    with Image.open(photos / "obama2.jpg") as picture:
        ODD[kind](picture.convert("RGB"), odd)
    plain = verdict(photos / "obama.jpg", odd)
    assert plain["outcome"] == "admit", plain


@pytest.mark.thorough
def test_large_picture_keeps_memory_bounded(photos: Path, tmp_path: Path) -> None:
    big = tmp_path / "big.jpg"
    with Image.open(photos / "obama2.jpg") as picture:
        of_20_megapixels(picture.convert("RGB"), big)
    code = (
        "import runpy, sys\n"
        "sys.argv = ['lane', 'verify', '--document', sys.argv[1], '--live', sys.argv[1], '--json']\n"
        "try:\n    runpy.run_module('lane', run_name='__main__')\n"
        "finally:\n    print(open('/proc/self/status').read(), file=sys.stderr)\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, str(big)],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    # Not getrusage: its peak goes back to before exec, and is the size of whoever runs the tests.
    [peak_kib] = re.findall(r"^VmHWM:\s+(\d+) kB$", done.stderr, re.MULTILINE)
    assert int(peak_kib) < 800 * 1024


@pytest.mark.parametrize(
    ("known", "load", "said"),
    [
        (False, "0.1", ["measured with other weights of sface-2021dec", "python -m benchmarks calibrate"]),
        (True, "0.01", ["5.00% of genuine holders", "accepted_referral_load is 1.00%"]),
    ],
    ids=["for another matcher", "with an unaccepted load"],
)
def test_unfit_policy_is_refused(
    known: bool, load: str, said: list[str], networks: Networks, photos: Path, tmp_path: Path
) -> None:
    policy, mine = tmp_path / "policy.toml", networks.embedder.identity
    other = MatcherIdentity("sface-2021dec", "f" * 64, "f" * 64)
    write(tmp_path / "made-up.json", mine if known else other)
    text = policy_text().replace("accepted_referral_load = 0.1", f"accepted_referral_load = {load}")
    policy.write_text(text, encoding="utf-8")
    done = verify(photos / "obama.jpg", photos / "obama2.jpg", "--policy", policy)
    assert done.returncode == 2
    assert all(one in done.stderr for one in said), done.stderr


def test_missing_weights_name_their_command(
    photos: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PASSENGER_LANE_CACHE", str(tmp_path))
    done = verify(photos / "obama.jpg", photos / "obama2.jpg")
    assert done.returncode == 2
    assert "python -m models prepare" in done.stderr
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize("command", [[], ["demo"], ["verify"], ["photos"]], ids=str)
def test_help_teaches(command: list[str]) -> None:
    done = lane(*command, "--help")
    assert done.returncode == 0
    assert "Usage" in done.stdout


@pytest.mark.usefixtures("loaded")
def test_script_tells_refer_from_admit(photos: Path) -> None:
    for live, code in (("biden.jpg", 10), ("obama2.jpg", 0)):
        done = verify(photos / "obama.jpg", photos / live, "--exit-code")
        assert (done.returncode, done.stderr) == (code, "")


@pytest.mark.usefixtures("loaded")
def test_people_get_words(photos: Path) -> None:
    done = verify(photos / "obama.jpg", photos / "biden.jpg")
    assert done.returncode == 0
    assert done.stdout.startswith("REFER")
    assert "F10" in done.stdout
    assert re.search(r"in the worst group, [\d,]+ of 10,000 strangers score this high or higher", done.stdout)
    assert re.search(r"[\d,]+ of 10,000 holders score below .*, [\d,]+ are accepted", done.stdout)


@pytest.mark.usefixtures("loaded")
def test_desk_reads_prepared_case(photos: Path, tmp_path: Path) -> None:
    out = tmp_path / "case.json"
    given = ("--document", photos / "obama.jpg", "--truth", "different", "--training", "--out", out)
    one = ("--live", photos / "biden.jpg")
    done = lane("prepare-case", *given, *one * 9)
    assert done.returncode == 2
    assert "1 to 8 live pictures" in done.stderr
    done = lane("prepare-case", *given, *one)
    assert done.returncode == 0, done.stderr
    kept = case_file.read(out.read_bytes(), lambda _: None)
    assert (kept.truth, kept.training) == (Truth.DIFFERENT, True)
    assert "F10" in {one.code for one in kept.judged.reasons}
    assert all(one.eyes for one in kept.judged.images)
    assert kept.judged.evidence.similarity.value is not None
