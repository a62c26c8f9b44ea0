"""Whether frames come from the camera, now: by what they show, and by when they came.

It checks every frame of a capture, not only those that decide, and keeps of each no more than a grey picture
of 64×48. It assumes that a camera stands still, has a clock and a noisy sensor, and that no movement repeats
exactly. A forged stream with all of these properties passes: this is no proof of a camera.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Any, TypeAlias

import cv2
import numpy as np
from numpy.typing import NDArray

from lane.cameras.frame import Frame, same_pixels
from lane.decision.evidence import Check, StreamEvidence
from lane.decision.policy import StreamRule
from models.values.face import ImageBGR
from models.values.measurement import measured

Numbers: TypeAlias = NDArray[np.floating[Any]]

WIDTH, HEIGHT = 64, 48
FEWEST_WHOLE = 8
"""Pixels of a camera's picture, across and down, for one of a grey picture: smaller ones are not cut."""
REMEMBERED = 256
"""Frames: more than eight seconds of thirty a second, in 3 MB."""
BESIDE_S = (0.2, 0.4)
"""A repeated movement fits at one distance in time, and no longer so far beside it."""
SOONEST_REPEAT_S = 0.3
FEWEST_REPEATED = 8
ALIKE = 0.4
"""A repeat differs so much less from its original than from what lies `BESIDE_S` beside that.

Codecs and added noise keep it above 0. Of people who sway, walk and nod it was never below 0.9."""
LEAST_MOVED = 5e-4
"""Mean squared difference of two grey pictures of mean 0 and variance 1: below, nobody moves.

A sensor's noise of 4 grey levels makes 0.0001. Of the stillest of 13 people before a webcam it was 0.0013
within 1.5 s, and less of a frozen picture, however often it was encoded again."""
LEAST_CHANGED = 1e-4
"""The same after a blur that takes noise away: below, no movement can be measured."""
MOST_EXPLAINED = 0.5
"""Of what changes between frames, what a movement of the whole picture may explain. A camera stands still."""
FEWEST_MOVED = 6
COMPARED_EVERY_S = 0.075
"""Noise and movement as a whole are looked for so often, at whatever rate frames come."""
SAME = 4e-4
"""So little two pictures of one moment differ, however they were encoded."""
LEAST_MOVING = 4e-3
"""So much a picture differs from the one `BESIDE_S` before, and is one of its own."""
FEWEST_SEEN_BEFORE = 5
MOST_MOVING = 64
RIM = 8
"""Columns at either side of a grey picture, and rows at its top: a passenger does not fill all of them."""
PATCHES, PATCH = (12, 16), 8
QUIET = 0.25
"""The noise is that of the quietest quarter of the patches: there nobody moves."""


@dataclass(slots=True, eq=False)
class EarlierCaptures:
    """Pictures of the last captures of a lane: no passenger walks up twice in exactly the same way."""

    most: int
    """Captures; with 0 nothing is kept."""
    _kept: list[Numbers] = field(default_factory=list)

    def add(self, watch: "StreamWatch") -> None:
        """Keep the moving pictures of a capture that has ended, and forget the oldest."""
        if self.most:
            self._kept = [*self._kept, watch.moving()][-self.most :]

    def seen_before(self, watch: "StreamWatch") -> bool:
        """Whether at least `FEWEST_SEEN_BEFORE` moving pictures of this capture were in an earlier one."""
        now = watch.moving()
        nearest = [(2 - 2 * (now @ one.T) / (WIDTH * HEIGHT)).min(1) for one in self._kept if len(one)]
        return len(now) > 0 and any((one < SAME).sum() >= FEWEST_SEEN_BEFORE for one in nearest)


@dataclass(slots=True, eq=False)
class StreamWatch:
    """Checks one capture: `see` each frame in the order in which it came, then ask for a `verdict`."""

    rule: StreamRule
    _times: list[tuple[int, float, float]] = field(default_factory=list)
    """Sequence, wall clock and the other clock, in seconds."""
    _pictures: Numbers = field(default_factory=lambda: np.empty((REMEMBERED, WIDTH * HEIGHT), np.float32))
    _distances: Numbers = field(default_factory=lambda: np.zeros((REMEMBERED, REMEMBERED), np.float32))
    _seen: int = 0
    _last: ImageBGR | None = None
    _compared_at_s: float | None = None
    _still_since_s: float | None = None
    _longest_still_s: float = 0.0
    _same: int = 0
    _explained: list[float] = field(default_factory=list)
    _noise: list[float] = field(default_factory=list)

    def see(self, frame: Frame) -> None:
        """Take in a frame. Of its picture a grey one of 64×48 is kept, and the last one as it is."""
        last, self._last = self._last, frame.image_bgr
        self._times.append((frame.sequence, frame.captured_at.timestamp(), frame.captured_monotonic_s))
        del self._times[:-REMEMBERED]
        small = grey(frame.image_bgr)
        if last is not None and last.shape == frame.image_bgr.shape:
            self._compare(last, frame, small)
        self._remember(small)

    def moving(self) -> Numbers:
        """n×3072: pictures that differ from those a little before, evenly chosen, `MOST_MOVING` at most."""
        order, seconds = self._order(), np.array([second for _, _, second in self._times])
        before = np.searchsorted(seconds, seconds - BESIDE_S[0], side="right") - 1
        far = self._distances[order, order[np.maximum(before, 0)]] if len(order) else np.empty(0)
        places = order[(before >= 0) & (far >= LEAST_MOVING)] if len(order) else order
        chosen = np.unique(np.linspace(0, len(places) - 1, min(len(places), MOST_MOVING)).astype(int))
        return np.asarray(self._pictures[places[chosen]])

    def verdict(self, *, somebody: bool, earlier: EarlierCaptures | None = None) -> StreamEvidence:
        """The signs of a forged stream; undetermined for less than two frames.

        `somebody`: a face is in the last frames, and so has to move.
        """
        if self._seen < 2:
            return StreamEvidence()
        signs = tuple(self._signs(somebody=somebody))
        if earlier is not None and earlier.seen_before(self):
            signs = (*signs, "again")
        return StreamEvidence(Check.FAILED if signs else Check.SUCCESSFUL, signs)

    def _signs(self, *, somebody: bool) -> Iterator[str]:
        if not clocks_agree(self._times, self.rule.clock_step_s):
            yield "clock"
        if not self._timed_as_a_camera():
            yield "timing"
        order, seconds = self._order(), np.array([second for _, _, second in self._times])
        distances = self._distances[np.ix_(order, order)]
        stood_still = somebody and is_motionless(distances, seconds, self.rule.motionless_s)
        if self._longest_still_s >= self.rule.frozen_s or stood_still:
            yield "frozen"
        if has_repeats(distances, seconds):
            yield "loop"
        if len(self._explained) >= FEWEST_MOVED and np.median(self._explained) >= MOST_EXPLAINED:
            yield "still"
        if self._noise and not self.rule.noise.holds(measured(np.median(self._noise))):
            yield "noise"

    def _compare(self, last: ImageBGR, frame: Frame, small: Numbers) -> None:
        now_s = frame.captured_monotonic_s
        if same_pixels(last, frame.image_bgr):
            since_s = self._still_since_s if self._still_since_s is not None else self._times[-2][2]
            self._still_since_s = since_s
            self._longest_still_s = max(self._longest_still_s, now_s - since_s)
            return
        self._still_since_s = None
        if self._compared_at_s is None or not 0 <= now_s - self._compared_at_s < COMPARED_EVERY_S:
            self._compared_at_s = now_s
            self._compare_closely(last, frame.image_bgr, small, now_s)

    def _compare_closely(self, last: ImageBGR, image_bgr: ImageBGR, small: Numbers, now_s: float) -> None:
        self._noise = [*self._noise, noise_between(last, image_bgr)][-REMEMBERED:]
        before = self._pictures[self._number_before(now_s) % REMEMBERED]
        share = explained_share(before.reshape(HEIGHT, WIDTH), small)
        if share is not None:
            self._explained = [*self._explained, share][-REMEMBERED:]

    def _number_before(self, now_s: float) -> int:
        """Number of the youngest picture that is so old that something may have moved since."""
        for back, (_, _, second) in enumerate(reversed(self._times)):
            if now_s - second >= BESIDE_S[0]:
                return self._seen - back
        return self._seen - len(self._times) + 1

    def _remember(self, small: Numbers) -> None:
        place, known = self._seen % REMEMBERED, min(self._seen + 1, REMEMBERED)
        self._pictures[place] = small.ravel()
        # Row by row: `@` wakes a thread for each core, and waits for all of them where others work, too.
        alike = np.vecdot(self._pictures[:known], self._pictures[place]) / (WIDTH * HEIGHT)
        self._distances[place, :known] = self._distances[:known, place] = 2 - 2 * alike
        self._seen += 1

    def _timed_as_a_camera(self) -> bool:
        if len(self._times) < FEWEST_MOVED:
            return True
        sequences, _, seconds = np.array(self._times).T
        passed_s = seconds[-1] - seconds[0]
        rate = (sequences[-1] - sequences[0]) / passed_s if passed_s > 0 else np.inf
        uneven_s = np.std(np.diff(seconds) / np.maximum(np.diff(sequences), 1))
        return bool(rate <= self.rule.most_frames_per_second and uneven_s >= self.rule.least_jitter_s)

    def _order(self) -> NDArray[np.intp]:
        """Places of the pictures, oldest first."""
        return np.arange(max(0, self._seen - REMEMBERED), self._seen) % REMEMBERED


def grey(image_bgr: ImageBGR) -> Numbers:
    """48×64 float32 of mean 0 and variance 1: a change of brightness or contrast changes nothing."""
    small = cv2.resize(_centre_crop(image_bgr), (WIDTH, HEIGHT), interpolation=cv2.INTER_AREA)
    plain = cv2.cvtColor(small, cv2.COLOR_BGR2GRAY).astype(np.float32)
    plain -= plain.mean()
    return np.asarray(plain / max(float(plain.std()), 1.0), np.float32)


def _centre_crop(image_bgr: ImageBGR) -> ImageBGR:
    """The middle of a large picture, of so many pixels that each grey one is the mean of a whole number.

    Averages over parts of pixels take five times as long: 8 ms for 1920×1080, a quarter of the time between
    two frames. At most a ninth of its height or width is cut off, of 1920×1080 12 rows above and below.
    """
    whole = [size // wanted for size, wanted in zip(image_bgr.shape[:2], (HEIGHT, WIDTH), strict=True)]
    if min(whole) < FEWEST_WHOLE:
        return image_bgr
    height, width = whole[0] * HEIGHT, whole[1] * WIDTH
    top, left = (image_bgr.shape[0] - height) // 2, (image_bgr.shape[1] - width) // 2
    return image_bgr[top : top + height, left : left + width]


def clocks_agree(times: Sequence[tuple[int, float, float]], step_s: float) -> bool:
    """Whether numbers and times rise, and both clocks by the same. NaN compares false."""
    return all(
        one[0] < next_[0] and one[2] < next_[2] and abs((next_[1] - one[1]) - (next_[2] - one[2])) <= step_s
        for one, next_ in pairwise(times)
    )


def is_motionless(distances: Numbers, seconds: Numbers, least_s: float) -> bool:
    """Whether nothing moved in so many seconds before the end: a live person breathes, and sways a little."""
    at_end = seconds >= seconds[-1] - least_s
    whole = bool(seconds[-1] - seconds[0] >= least_s)
    return whole and float(distances[np.ix_(at_end, at_end)].max()) < LEAST_MOVED


def has_repeats(distances: Numbers, seconds: Numbers) -> bool:
    """Whether a movement repeats: n×n differences of n pictures, taken at these seconds.

    For each lag in time the pictures are held against those of that lag before, and against those a little
    beside. A movement that comes again fits in one place alone; who stands still fits everywhere.
    """
    n = len(seconds)
    if n < 2 * FEWEST_REPEATED or not np.all(np.diff(seconds) > 0):
        return False
    interval_s = float(np.median(np.diff(seconds)))
    first = int(np.ceil(SOONEST_REPEAT_S / interval_s))
    steps = {max(2, round(beside_s / interval_s)) for beside_s in BESIDE_S}
    return any(
        _repeats_at(distances, lag, step)
        for step in steps
        for lag in range(max(step + 1, first), n - FEWEST_REPEATED - step)
    )


def _repeats_at(distances: Numbers, lag: int, step: int) -> bool:
    now = np.arange(lag + step, len(distances))
    before = now - lag
    there = distances[now, before].mean()
    near = np.minimum(distances[now, before - step], distances[now, before + step]).mean()
    return bool(near >= LEAST_MOVED and there <= ALIKE * near)


def explained_share(before: Numbers, after: Numbers) -> float | None:
    """The share of the change that an affine movement of the whole picture explains; None for too little.

    Two grey pictures as of `grey`. By least squares on the picture's slopes (Lucas and Kanade, 1981). Of
    the middle, the sides and the top the lowest share: whoever walks up moves much of the picture, and no
    wall above.
    """
    one, other = (cv2.GaussianBlur(picture, (0, 0), 1.0) for picture in (before, after))
    change, gradients = (other - one)[1:-1, 1:-1], _gradients((one + other) / 2)
    energies = np.array([np.square(change)[part].sum() for part in _PARTS])
    if not np.all(energies >= _LEAST):  # NaN compares false
        return None
    flat, wanted = gradients.reshape(6, -1), change.ravel()
    movement = np.linalg.lstsq(flat @ flat.T, np.vecdot(flat, wanted), rcond=None)[0]
    rest = np.square(change - np.tensordot(movement, gradients, 1))
    return float(min(1 - rest[part].sum() / energy for part, energy in zip(_PARTS, energies, strict=True)))


def _gradients(picture: Numbers) -> Numbers:
    """6×46×62: how each of the six numbers of an affine movement changes the picture."""
    across, down = (picture[1:-1, 2:] - picture[1:-1, :-2]) / 2, (picture[2:, 1:-1] - picture[:-2, 1:-1]) / 2
    return np.stack([across, down, across * _X, across * _Y, down * _X, down * _Y])


_Y, _X = np.mgrid[-1 : 1 : (HEIGHT - 2) * 1j, -1 : 1 : (WIDTH - 2) * 1j].astype(np.float32)
_PARTS = (np.s_[:, RIM:-RIM], np.s_[:, np.r_[:RIM, WIDTH - 2 - RIM : WIDTH - 2]], np.s_[:RIM, :])
_LEAST = [LEAST_CHANGED * np.ones((HEIGHT - 2, WIDTH - 2))[part].size for part in _PARTS]


def noise_between(one: ImageBGR, other: ImageBGR) -> float:
    """The sensor's noise where all is quiet, by two pictures: its standard deviation in grey levels."""
    height, width = one.shape[:2]
    rows, columns = (
        (np.linspace(0, max(0, size - PATCH), count).astype(int)[:, None] + np.arange(PATCH)).ravel() % size
        for size, count in zip((height, width), PATCHES, strict=True)
    )
    place = np.ix_(rows, columns)
    change = one[..., 1][place].astype(np.float32) - other[..., 1][place]
    patches = change.reshape(PATCHES[0], PATCH, PATCHES[1], PATCH)
    return float(np.quantile(patches.std(axis=(1, 3)), QUIET) / np.sqrt(2))
