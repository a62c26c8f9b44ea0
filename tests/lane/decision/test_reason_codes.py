"""Every code of the field is known here, and has its place, its notice for the traveller and its agency."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lane.decision.reason_codes import Code, Reason, for_traveller, worst_first
from lane.decision.reason_meaning import Agency
from lane.decision.traveller_notices import NEUTRAL, Notice

FIELD = {"D": 19, "F": 14, "A": 5, "P": 11, "L": 6, "W": 7, "S": 8}


def test_the_codes_are_those_of_the_field() -> None:
    expected = {f"{group}{number:02}" for group, last in FIELD.items() for number in range(1, last + 1)}
    assert {code.value for code in Code} == expected


def test_every_code_has_one_place_and_a_fault_of_the_lane_is_never_the_worst() -> None:
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
def test_a_code_names_who_acts_on_it(code: Code, who: Agency) -> None:
    assert code.meaning.agency is who


@pytest.mark.parametrize("code", Code)
def test_every_code_has_a_notice_in_both_languages_that_accuses_nobody(code: Code) -> None:
    told = for_traveller([code])
    assert re.search("[一-鿿]", told.chinese)
    accusing = r"attack|suspect|watch|list|match|fraud|forg|risk|police|嫌疑|伪造|名单|攻击|比对|风险|公安"
    assert not re.search(accusing, told.english + told.chinese, re.IGNORECASE)


@given(st.lists(st.sampled_from(Code), max_size=6))
def test_a_case_with_an_attack_or_an_authority_says_nothing_else(codes: list[Code]) -> None:
    told = for_traveller(codes)
    assert isinstance(told, Notice)
    if any(code[0] in "AW" for code in codes):
        assert told is NEUTRAL


def test_attack_authority_and_the_comparison_are_hushed() -> None:
    hushed = {code for code in Code if code.meaning.notice is None}
    assert {code for code in Code if code[0] in "AW"} <= hushed
    assert {Code.NO_MATCH, Code.BORDERLINE, Code.SAFEGUARDING} <= hushed
    assert all(for_traveller([Code.POSE, code]) is NEUTRAL for code in hushed)
