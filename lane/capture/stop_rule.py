"""When a capture has seen enough: as soon as no further frame could change what all of them would decide.

A capture may look at up to `most_good_frames`. It ends before only where the outcome stands already: even if
each frame that is left scored as low, or as high, as frames of one person do, the agreed score of all would
lie on the same side of the threshold. So looking after every frame is no further chance for a stranger, as it
would be where the first score above the threshold ended the capture: what is decided is what the full number
of frames decides, and for that number the calibrated threshold errs on the safe side.
"""

from collections.abc import Sequence
from statistics import fmean

from lane.decision.policy import CaptureRule

SPREAD = 0.08
"""So far below their mean may the lowest score of one capture's frames lie before it counts alone.

In NUAA's live sequences it lay nearer than 0.071 in 99 of 100 runs of three frames, each against a frame
of the same person in another session."""


def agreed(scores: Sequence[float], among: Sequence[float] = ()) -> float:
    """The mean of at least one frame's scores, as far as the frames agree on who is there.

    `among`: how alike the frames are to one another. NaN where a score is none.
    """
    return min(fmean(scores), min(scores) + SPREAD, *among)


def settled(scores: Sequence[float], among: Sequence[float], rule: CaptureRule, admit: float | None) -> bool:
    """Whether further frames would not change the outcome, or are not to be waited for.

    `scores` are the good frames' similarities to the document, `admit` is the threshold: without one no frame
    changes anything. A score that is no number settles nothing before the most frames are there.
    """
    if len(scores) < rule.good_frames:
        return False
    if len(scores) >= rule.most_good_frames or admit is None:
        return True
    lowest, highest = reach(scores, among, rule)
    return lowest >= admit or highest < admit  # NaN compares false


def reach(scores: Sequence[float], among: Sequence[float], rule: CaptureRule) -> tuple[float, float]:
    """The lowest and the highest agreed score that the most frames may come to, after these."""
    left = rule.most_good_frames - len(scores)
    low, high = min(scores) - rule.score_varies, max(scores) + rule.score_varies
    return agreed([*scores, *[low] * left], among), agreed([*scores, *[high] * left], among)
