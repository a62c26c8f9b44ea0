"""Prepared cases: known truth, checked, sealed, in the ledger; retired ones leave no face."""

import base64
import json
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from typer.testing import CliRunner

from api.__main__ import app
from api.audit.verify.ledger import verify_ledger
from api.faces.erasure import keys_of_prepared_cases
from api.platform.database.tables import PreparedImageRow, PreparedRow
from api.platform.errors import CaseRefusedError, ImageUnknownError
from api.review import officer_accuracy
from api.review.officer_accuracy import Outcome, PreparedDecision, TravellerDecision, Truth
from api.review.prepared import case_file, stored_cases
from lane.decision.referral import GROUNDS, Answer, Ground
from lane.platform.errors import LedgerBrokenError
from tests.support.api.running_desk import RunningDesk, drawn_face


def picture(seed: int, role: str = "live", **more: Any) -> dict[str, Any]:
    return {"role": role, "jpeg": base64.b64encode(drawn_face(seed)).decode(), **more}


def file_of(**change: Any) -> bytes:
    whole = {
        "version": 1,
        "truth": "same",
        "images": [picture(1, "document", eyes=[[200, 270], [280, 270]]), picture(2), picture(3)],
        "judged": {
            "reasons": [{"code": "F10", "components": []}],
            "evidence": {"similarity": {"value": 0.1}},
        },
    }
    return json.dumps(whole | change).encode()


def nothing(_: bytes) -> None:
    """Every picture is one."""


def prepare(desk: RunningDesk, truth: str = "same", *, training: bool = False) -> str:
    """A case at the desk."""
    given_ = case_file.read(file_of(truth=truth, training=training), nothing)
    return stored_cases.add(desk.desk.database, desk.desk.keyring, given_, clock=desk.clock)


def test_case_keeps_truth_eyes_and_findings() -> None:
    """The findings are what a lane would tell."""
    case = case_file.read(file_of(), nothing)
    assert (case.truth, len(case.images)) == (Truth.SAME, 3)
    assert not case.training
    assert case.judged.images[0].eyes == ((200.0, 270.0), (280.0, 270.0))
    assert [one.code for one in case.judged.reasons] == ["F10"]
    assert [one.sequence for one in case.judged.images] == [None, 1, 2]


WRONG = {
    "no truth": file_of(truth="perhaps"),
    "another version": file_of(version=2),
    "no live picture": file_of(images=[picture(1, "document")]),
    "two documents": file_of(images=[picture(1, "document"), picture(2, "document")]),
    "live first": file_of(images=[picture(1), picture(2, "document")]),
    "no base64": file_of(images=[picture(1, "document"), {"role": "live", "jpeg": "%%%"}]),
    "no picture": file_of(images=[picture(1, "document"), {"role": "live", "jpeg": "aGVsbG8="}]),
    "too many": file_of(images=[picture(1, "document"), *(picture(n) for n in range(2, 12))]),
    "no JSON": b"{",
    "a list": b"[]",
}


@pytest.mark.parametrize("content", WRONG.values(), ids=WRONG.keys())
def test_invalid_case_is_refused_unquoted(content: bytes) -> None:
    with pytest.raises(CaseRefusedError) as refused:
        case_file.read(content, nothing)
    assert "perhaps" not in str(refused.value)
    assert "%%%" not in str(refused.value)


def test_undecodable_picture_is_refused(tmp_path: Path, desk: RunningDesk) -> None:
    broken = tmp_path / "broken.jpg"
    broken.write_bytes(drawn_face(1)[:200])
    whole = tmp_path / "whole.jpg"
    whole.write_bytes(drawn_face(2))
    done = CliRunner().invoke(
        app, ["case", "add", "--document", str(whole), "--live", str(broken), "--truth", "same", *at(desk)]
    )
    assert (done.exit_code, "image 1 cannot be used" in done.output) == (2, True)


def at(desk: RunningDesk) -> list[str]:
    return ["--database", str(desk.settings.database)]


def test_case_added_listed_retired_by_command(tmp_path: Path, desk: RunningDesk) -> None:
    path = tmp_path / "case.json"
    path.write_bytes(file_of(truth="different", training=True))
    run = CliRunner()
    told = json.loads(run.invoke(app, ["case", "add", str(path), *at(desk), "--json"]).output)
    assert (told["training"], told["images"]) == (True, 3)
    (listed,) = json.loads(run.invoke(app, ["case", "list", *at(desk), "--json"]).output)
    assert listed == {"case": told["case"], "truth": "different", "training": True, "seen": 0}
    assert run.invoke(app, ["case", "retire", told["case"], *at(desk)]).exit_code == 0
    assert json.loads(run.invoke(app, ["case", "list", *at(desk), "--json"]).output) == []
    assert run.invoke(app, ["case", "retire", told["case"], *at(desk)]).exit_code == 2
    verify_ledger(desk.desk.database)


def test_case_faces_sealed_erased_on_retiring(desk: RunningDesk) -> None:
    case = prepare(desk)
    desk.desk.erasure.sweep()
    assert case in desk.desk.keyring.passages(), "its keys are not swept away"
    with desk.desk.database.read() as session:
        rows = session.query(PreparedImageRow).all()
        assert not any(b"\xff\xd8\xff" in row.sealed[:64] for row in rows)
        assert stored_cases.image(session, desk.desk.keyring, case, rows[0].sha256).startswith(
            b"\xff\xd8\xff"
        )
    with desk.desk.database.write() as session:
        stored_cases.retire(session, desk.desk.keyring, case, at=desk.clock())
    assert case not in desk.desk.keyring.passages()
    with desk.desk.database.read() as session, pytest.raises(ImageUnknownError):
        stored_cases.image(session, desk.desk.keyring, case, rows[0].sha256)


def test_case_with_swept_key_gets_another(desk: RunningDesk) -> None:
    """A desk that begins between key and case takes the key for one that opens nothing."""
    told = iter([True])

    def clock() -> datetime:
        if next(told, False):
            return desk.clock()
        with desk.desk.database.read() as session:
            for case in desk.desk.keyring.passages() - keys_of_prepared_cases(session):
                desk.desk.keyring.destroy([case])
        return desk.clock()

    case = stored_cases.add(
        desk.desk.database, desk.desk.keyring, case_file.read(file_of(), nothing), clock=clock
    )
    with desk.desk.database.read() as session:
        (row, *_) = session.query(PreparedImageRow).all()
        assert stored_cases.image(session, desk.desk.keyring, case, row.sha256).startswith(b"\xff\xd8\xff")


def test_changed_truth_is_found(desk: RunningDesk) -> None:
    case = prepare(desk)
    verify_ledger(desk.desk.database)
    with desk.desk.database.write() as session:
        session.get_one(PreparedRow, case).truth = "different"
    with pytest.raises(LedgerBrokenError, match="prepared cases"):
        verify_ledger(desk.desk.database)


# --- how well an eye does


@pytest.mark.parametrize("truth", Truth)
@pytest.mark.parametrize(("answer", "ground"), [(one, ground) for one in Answer for ground in GROUNDS[one]])
def test_only_admitted_stranger_is_false_accept(truth: Truth, answer: Answer, ground: Ground) -> None:
    found = officer_accuracy.outcome(truth, answer, ground)
    assert (found is Outcome.FALSE_ACCEPT) is (truth is Truth.DIFFERENT and answer is Answer.ADMIT)
    assert (found is Outcome.FALSE_REJECT) is (truth is Truth.SAME and ground is Ground.DIFFERENT_PERSON)


def test_rates_count_each_truth_by_itself() -> None:
    known = [
        *[PreparedDecision(Truth.DIFFERENT, Outcome.RIGHT)] * 9,
        PreparedDecision(Truth.DIFFERENT, Outcome.FALSE_ACCEPT),
        *[PreparedDecision(Truth.SAME, Outcome.RIGHT)] * 3,
        PreparedDecision(Truth.SAME, Outcome.FALSE_REJECT),
        PreparedDecision(Truth.SAME, Outcome.UNDECIDED),
    ]
    found = officer_accuracy.figures(
        known, [TravellerDecision(4, True, True, False), TravellerDecision(8, False, True, True)]
    )
    assert (found.false_accepts.errors, found.false_accepts.n) == (1, 10)
    assert (found.false_rejects.errors, found.false_rejects.n) == (1, 5)
    assert found.false_accepts.low < 0.1 < found.false_accepts.high
    assert (found.undecided, found.decisions, found.median_s) == (1, 2, 6)
    assert (found.agreed_before.rate, found.agreed_after.rate, found.changed.rate) == (0.5, 1.0, 0.5)


def decided(seconds: float = 9, *, after: bool = True) -> TravellerDecision:
    return TravellerDecision(seconds, after, after, changed=False)


def alarming(*real: TravellerDecision) -> set[str]:
    return {look.kind for look in officer_accuracy.alarm_tests(real) if look.alarming}


def test_only_careless_officer_raises_alarm() -> None:
    assert alarming(*[decided(1.2)] * 30) == {"fast"}
    assert alarming(*[decided(9)] * 200) == set()
    assert alarming(*[decided(9)] * 600) == {"agrees"}
    assert alarming(*[decided(9)] * 590, *[decided(9, after=False)] * 30) == set()


@given(st.integers(0, 2000), st.integers(0, 2000))
def test_no_more_than_allowed_never_alarms(found: int, more: int) -> None:
    look = officer_accuracy.AlarmTest("fast", found, found + more, officer_accuracy.FAST_ALLOWED)
    if look.clean:
        assert not look.alarming


def test_stated_false_alarm_rate_holds() -> None:
    """The chance of an alarm where the true share is exactly what is allowed, summed exactly."""
    from math import comb  # noqa: PLC0415

    for allowed in (officer_accuracy.FAST_ALLOWED, officer_accuracy.AGREES_ALLOWED):
        for n in (20, 100, 700):
            raised = [k for k in range(n + 1) if officer_accuracy.AlarmTest("", k, n, allowed).alarming]
            exactly = sum(comb(n, k) * allowed**k * (1 - allowed) ** (n - k) for k in raised)
            assert exactly <= officer_accuracy.FALSE_ALARM
