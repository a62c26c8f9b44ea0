"""Evidence to change one thing in."""

from collections.abc import Mapping
from datetime import date

from lane.decision.evidence import (
    CaptureEnd,
    CaptureEvidence,
    Check,
    DeskContact,
    DocumentEvidence,
    DocumentKind,
    Evidence,
    StreamEvidence,
)
from lane.decision.policy import Policy
from models.values.identity import MatcherIdentity, NetworkIdentity
from models.values.measurement import Measure, Measured, NotAssessed
from tests.support.lane.calibration_files import policy_for

MATCHER = MatcherIdentity("test-matcher", "a" * 64, "b" * 64)
POLICY: Policy = policy_for(MATCHER)
BAND = POLICY.check(MATCHER)


def inside(limits: Mapping[str, object]) -> dict[str, Measure]:
    """A measure in the middle of each limit."""
    return {name: Measured(_middle(limit)) for name, limit in limits.items()}


def _middle(limit: object) -> float:
    low, high = getattr(limit, "min", None), getattr(limit, "max", None)
    if low is None or high is None:
        return float(low if low is not None else high)  # type: ignore[arg-type]  # one side is always given
    return float(low + high) / 2


GOOD = Evidence(
    document=DocumentEvidence(
        expiry=Check.SUCCESSFUL,
        expires_on=date(2030, 1, 31),
        photo_faces=Measured(1),
        photo_quality=inside(POLICY.quality.document),
        kind=DocumentKind.ORDINARY,
        age=Check.SUCCESSFUL,
    ),
    capture=CaptureEvidence(CaptureEnd.ENOUGH, 40, Measured(1), POLICY.capture.good_frames, {"sharpness": 4}),
    quality=inside(POLICY.quality.live),
    similarity=Measured(BAND.admit),
    achieved_fmr=POLICY.achieved_fmr(MATCHER, Measured(BAND.admit)),
    liveness=NotAssessed("no attack detection"),
    matcher=MATCHER,
    networks=(NetworkIdentity("matcher", MATCHER.name, MATCHER.sha256, "CPUExecutionProvider"),),
    desk=DeskContact.REACHED,
    models_unchanged=True,
    stream=StreamEvidence(Check.SUCCESSFUL),
    clock=Check.SUCCESSFUL,
)
