"""A matcher for tests that reads who is on a picture from its height: no face, no network, no chance."""

from collections.abc import Iterator, Mapping
from pathlib import Path

import numpy as np

from benchmarks.acquisition.acquire import Failure, Vector
from benchmarks.acquisition.matchers import MatcherUnderTest
from models.image import encode_jpeg
from models.values.face import ImageBGR
from models.values.identity import MatcherIdentity

SUBJECT = MatcherUnderTest(MatcherIdentity("painted", "a" * 64, "b" * 64), "cosine", 0.4, "made up")
PICTURES_EACH = 3
LOWEST = 8
FACELESS = 7
"""A picture of this height shows nobody."""


def paint(root: Path, people: int) -> list[str]:
    """Pictures `p000-1.jpg` and so on; of the last person one shows nobody."""
    names = []
    for place in range(people * PICTURES_EACH):
        person, number = divmod(place, PICTURES_EACH)
        names.append(f"p{person:03}-{number + 1}.jpg")
        height = FACELESS if place == people * PICTURES_EACH - 1 else LOWEST + place
        (root / names[-1]).write_bytes(encode_jpeg(np.zeros((height, 8, 3), np.uint8)))
    return names


def write_list(root: Path, names: list[str], groups: int, file: str = "pairs.csv") -> Path:
    """Each picture with the first of the same person, and with that of the next person of the group."""
    rows = ["a,b,same,group"]
    for place, name in enumerate(names):
        person, number = divmod(place, PICTURES_EACH)
        first = names[person * PICTURES_EACH]
        group = f"g{person % groups}"
        if number:
            rows.append(f"{first},{name},1,{group}")
        elif (other := place + groups * PICTURES_EACH) < len(names):
            rows.append(f"{name},{names[other]},0,{group}")
    path = root / file
    path.write_text("\n".join(rows) + "\n", encoding="utf-8")
    return path


class Painted:
    """Looks at such pictures: pictures of one person are alike, strangers are more or less so."""

    matchers = (SUBJECT.name,)

    def encode(self, image_bgr: ImageBGR) -> Mapping[str, Vector | Failure]:
        height = image_bgr.shape[0]
        if height == FACELESS:
            return {SUBJECT.name: Failure("no_face")}
        person = np.random.default_rng((height - LOWEST) // PICTURES_EACH).normal(size=12)
        vector = person + np.random.default_rng(1000 + height).normal(size=12) * 0.5
        return {SUBJECT.name: (vector / np.linalg.norm(vector)).astype(np.float32)}

    def encode_capture(
        self, images_bgr: Iterator[ImageBGR], interval_s: float
    ) -> Mapping[str, Vector | Failure]:
        return self.encode(next(images_bgr))
