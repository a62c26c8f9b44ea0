"""Every code of the field is known here, and has its place, its notice for the traveller and its agency."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lane.decision.reason_codes import Code, Reason, for_traveller, worst_first
from lane.decision.reason_meaning import Agency
from lane.decision.traveller_notices import NEUTRAL, Notice

FIELD = {"D": 19, "F": 14, "A": 5, "P": 11, "L": 6, "W": 7, "S": 8}


def test_codes_equal_the_fields_list() -> None:
    expected = {f"{group}{number:02}" for group, last in FIELD.items() for number in range(1, last + 1)}
    assert {code.value for code in Code} == expected


def test_codes_are_ordered_lane_faults_last() -> None:
    """Every code has one place, and a fault of the lane is never the worst."""
    assert next(iter(Code)) is Code.ATTACK_ALARM
    assert [code[0] for code in Code][-8:] == ["S"] * 8
    first = worst_first((Reason(Code.NETWORK_LOST), Reason(Code.QUALITY), Reason(Code.SAFEGUARDING)))
    assert [reason.code for reason in first] == [Code.SAFEGUARDING, Code.QUALITY, Code.NETWORK_LOST]


@pytest.mark.parametrize(
    ("code", "who"),
    [
        (Code.NO_MATCH, Agency.BORDER),
        (Code.QUARANTINE, Agency.QUARANTINE),
        (Code.CUSTOMS_DECLARATION, Agency.CUSTOMS),
        (Code.DIPLOMATIC, Agency.DIPLOMATIC),
        (Code.CAMERA_DRIFT, Agency.TECHNICIAN),
    ],
)
def test_code_names_who_acts(code: Code, who: Agency) -> None:
    assert code.meaning.agency is who


@pytest.mark.parametrize("code", Code)
def test_every_code_has_bilingual_blameless_notice(code: Code) -> None:
    said = for_traveller([code])
    assert re.search("[一-鿿]", said.chinese)
    accusing = r"attack|suspect|watch|list|match|fraud|forg|risk|police|嫌疑|伪造|名单|攻击|比对|风险|公安"
    assert not re.search(accusing, said.english + said.chinese, re.IGNORECASE)


@given(st.lists(st.sampled_from(Code), max_size=6))
def test_sensitive_codes_are_hushed(codes: list[Code]) -> None:
    """Attack, authority, safeguarding and the comparison: beside any of them the notice is neutral."""
    hushed = {code for code in Code if code.meaning.notice is None}
    assert {code for code in Code if code[0] in "AW"} <= hushed
    assert {Code.NO_MATCH, Code.BORDERLINE, Code.SAFEGUARDING} <= hushed
    assert all(for_traveller([Code.POSE, code]) is NEUTRAL for code in hushed)
    assert isinstance(for_traveller(codes), Notice)
    if hushed & set(codes):
        assert for_traveller(codes) is NEUTRAL
