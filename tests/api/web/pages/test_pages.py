"""The officer's pages: complete in both languages, plain words, no score, and usable without a script."""

import re
from collections.abc import Iterator
from datetime import datetime
from html.parser import HTMLParser
from itertools import chain, product
from pathlib import Path

import pytest
from babel.messages.extract import extract_from_dir
from babel.messages.pofile import read_po
from starlette.requests import Request

import api.web
import models.quality
from api.ledger.facts import EvidenceFact, JudgedFact, MeasureFact, ReasonFact
from api.people.roles import Role
from api.platform import errors
from api.platform.errors import ANSWERS, ApiError
from api.web.pages import render
from api.web.translations import code_texts
from api.web.translations.language import CHOICES, COOKIE, catalogue, choices, of_request, words
from lane.decision.reason_codes import Code
from lane.decision.referral import Answer, Ground
from models.quality.components import COMPONENTS
from tests.support.api.officer_pages import text_of
from tests.support.api.running_desk import Lane, Officer, RunningDesk, judged

CONSOLE = Path(next(iter(api.web.__path__)))
FOLDERS = [CONSOLE.parent, Path(next(iter(models.quality.__path__)))]
"""Where texts for officers stand, beside those of the table of reasons."""
TEMPLATES = sorted((CONSOLE / "templates").rglob("*.html"))
SCRIPTS = sorted((CONSOLE / "static").rglob("*.js"))
KEYWORDS = {"_": None, "N_": None, "gettext": None, "ngettext": (1, 2)}
Message = str | tuple[str, ...]


def said() -> set[Message]:
    """Every text in the sources."""
    methods = [("**.py", "python"), ("**.html", "jinja2.ext:babel_extract")]
    options = {"**.html": {"newstyle_gettext": "true", "silent": "false", "trim_blocks": "true"}}
    found = (extract_from_dir(folder, methods, options, keywords=KEYWORDS) for folder in FOLDERS)
    return {message for _, _, message, _, _ in chain.from_iterable(found)} | set(said_of_reasons())


def said_of_reasons() -> Iterator[str]:
    for row in (code.meaning for code in Code):
        yield from (row.brief, row.full)
        if row.by_hand:
            yield from filter(None, (*row.by_hand.steps, row.by_hand.wish))


@pytest.mark.parametrize("tag", [tag for tag in CHOICES if tag != "en"])
def test_catalogue_texts_complete_without_extras(tag: str) -> None:
    with catalogue(tag).open("rb") as file:
        texts = read_po(file, abort_invalid=True)
    known = {
        message.id if isinstance(message.id, str) else tuple(message.id) for message in texts if message.id
    }
    assert known == said()
    for message in texts:
        assert message.string, message.id
        assert all(message.string), message.id
        assert not message.fuzzy
        assert not list(message.check(texts))


def test_chinese_is_set_as_chinese() -> None:
    with catalogue("zh-Hans").open("rb") as file:
        texts = [str(message.string) for message in read_po(file) if message.id]
    for text in texts:
        assert not re.search(r"[一-鿿][,;:!?]|[,;:!?][一-鿿]|\.\.\.|。$\s", text), text
    assert sum(bool(re.search("[一-鿿]", text)) for text in texts) > 0.95 * len(texts)


@pytest.mark.parametrize(("tag", "code"), list(product(CHOICES, Code)))
def test_every_code_has_an_officers_text(tag: str, code: Code) -> None:
    brief = code_texts.brief(code, words(tag))
    full = code_texts.full(ReasonFact(code=code, components=["sharpness"]), words(tag))
    assert brief
    assert len(full) > len(brief)
    unknown = words(tag).say(code_texts.UNKNOWN.brief)
    assert brief != unknown
    if tag != "en":
        assert brief != code_texts.brief(code, words("en"))


def test_every_error_stands_under_its_kind() -> None:
    made = {one for one in vars(errors).values() if isinstance(one, type) and issubclass(one, ApiError)}
    over, found = {0: "ApiError"}, {"ApiError"}
    for lead, names in re.findall(r"^([│ ]*[├└]── )(.+)$", errors.__doc__ or "", re.MULTILINE):
        depth = len(lead) // 4
        for name in names.split(", "):
            over[depth] = name
            assert vars(errors)[name].__bases__[0].__name__ == over[depth - 1], name
            found.add(name)
    assert found == {one.__name__ for one in made}


def test_every_answer_ground_error_has_words() -> None:
    assert set(code_texts.ANSWERS) == set(Answer)
    assert set(code_texts.GROUNDS) == set(Ground)
    for_lanes = {
        "token_refused",
        "passage_unknown",
        "chain_broken",
        "image_missing",
        "image_refused",
        "too_many_images",
        "entry_refused",
    }
    for_monitors = {"not_ready", "read_only", "schema_differs", "disk_full", "ending"}
    for_auditors = {"not_in_ledger", "passage_not_found"}
    redirected = {"not_signed_in"}
    by_http = {"not_found", "method_not_allowed", "too_large", "request_refused", "internal_error"}
    codes = {code for _, code in ANSWERS.values()} | by_http
    assert codes - for_lanes - for_monitors - for_auditors - redirected <= set(render.PROBLEMS)


@pytest.mark.parametrize("tag", CHOICES)
def test_desk_admits_mistake_only_when_own(tag: str) -> None:
    request = Request({"type": "http", "headers": [], "query_string": f"lang={tag}".encode()})
    told = {code: render.problem(request, code) for code in (*render.PROBLEMS, "a_code_to_come")}
    assert len(set(told.values())) == len(told), "each code has words of its own"
    assert ("mistake" if tag == "en" else "发生错误") in told["internal_error"]
    assert not any(
        "mistake" in text or "发生错误" in text for code, text in told.items() if code[:8] != "internal"
    )


def language_link(html: str) -> str:
    found: list[str] = re.findall(r'href="([^"]*)" lang="zh-Hans"', html)
    return found[0]


def test_language_link_stays_on_site(lane: Lane, officer: Officer) -> None:
    passage = lane.refer()
    officer.claim(passage)
    address = f"{officer.address}//evil.example/x"
    assert language_link(officer.http.get(address).text) == "?lang=zh-Hans"
    assert language_link(officer.http.get(f"/referrals/{passage}").text) == "?lang=zh-Hans"


def test_form_page_language_link_is_reachable(lane: Lane, officer: Officer) -> None:
    passage = lane.refer()
    officer.claim(passage)
    confirming = officer.form(f"/referrals/{passage}/confirm", choice="admit.same_person")
    for answer in (confirming, officer.http.post(f"/referrals/{passage}/decision")):
        link = language_link(answer.text)
        assert link == f"/referrals/{passage}?lang=zh-Hans"
        assert officer.http.get(link).status_code == 200
        officer.http.cookies.delete(COOKIE)
    refused = officer.http.post("/sign-in", data={"name": "wang", "password": "wrong"})
    assert (
        officer.http.get(f"/sign-in{language_link(refused.text)}", follow_redirects=True).status_code == 200
    )
    assert language_link(officer.http.post("/sign-out").text) == "/queue?lang=zh-Hans"


def test_a_time_says_its_zone(lane: Lane, officer: Officer) -> None:
    passage = lane.refer()
    officer.claim(passage)
    assert officer.decide(passage).status_code == 200
    for path, seconds in (("/queue", ""), (f"/referrals/{passage}", r":\d\d")):
        html = officer.http.get(path).text
        found = re.findall(r'<time datetime="([^"]+)" data-clock="\w+">([^<]+)</time>', html)
        assert found
        for at, said in found:
            assert datetime.fromisoformat(at).tzinfo is not None
            assert re.fullmatch(rf"\d\d:\d\d{seconds} \(UTC[+-]\d{{4}}\)", said)


def test_day_and_time_say_their_zone(desk: RunningDesk, lane: Lane, officer: Officer) -> None:
    with desk.officer("chen", Role.ADMINISTRATOR) as chen:
        lane.refer()
        for who, path in ((officer, "/account"), (chen, "/lanes"), (chen, f"/people/{officer.pseudonym}")):
            said = re.findall(r'<time [^>]*data-clock="date">([^<]+)</time>', who.http.get(path).text)
            assert said, path
            for text in said:
                assert re.fullmatch(r"\d{4}-\d\d-\d\d \d\d:\d\d \(UTC[+-]\d{4}\)", text)


@pytest.mark.parametrize("tag", CHOICES)
def test_every_component_of_quality_has_words(tag: str) -> None:
    said = {name: code_texts.component(name, words(tag)) for name in COMPONENTS}
    assert COMPONENTS.keys() <= code_texts.COMPONENTS.keys()
    assert len(set(said.values())) == len(COMPONENTS)


@pytest.mark.parametrize("tag", CHOICES)
def test_the_machine_never_refuses_in_words(tag: str) -> None:
    texts = [str(text) for text in said()] if tag == "en" else [catalogue(tag).read_text("utf-8")]
    # The one sentence about a score counts impostor comparisons, and says nothing of the passenger.
    texts = [text.replace(code_texts.IMPOSTORS, "") for text in texts]
    forbidden = r"reject|refus|denied|deny|fraud|criminal|suspect|impostor(?! comparison)|%\s|score|probab"
    forbidden += r"|拒绝|驳回|造假|嫌疑|相似度|分数|概率"
    assert [text for text in texts if re.search(forbidden, text, re.IGNORECASE)] == []


def test_comparison_result_is_worded_alike() -> None:
    one, other = Code.NO_MATCH.meaning, Code.BORDERLINE.meaning
    assert (one.brief, one.full) == (other.brief, other.full)


def test_missing_attack_result_always_said_first() -> None:
    for liveness in ({}, {"liveness": {"not_assessed": "why"}}, {"liveness": {"value": None}}):
        told = JudgedFact.model_validate({"passage": "p", "outcome": "refer", "evidence": liveness})
        assert "attack detection (PAD): not assessed" in code_texts.not_checked(told, words("en"))[0]
    ran = JudgedFact.model_validate(
        {"passage": "p", "outcome": "refer", "evidence": {"liveness": {"value": 0.9}}}
    )
    assert "Presentation attack detection (PAD) ran" in code_texts.checked(ran, words("en"))
    assert not any("attack" in text for text in code_texts.not_checked(ran, words("en")))


def test_unmeasured_is_not_called_good() -> None:
    body = judged("p", [], [{"code": "F04", "components": ["sharpness"]}])
    body["evidence"]["quality"] = {"sharpness": {"not_assessed": "edge"}, "brightness": {"value": 0.5}}
    told = JudgedFact.model_validate(body)
    assert any("sharpness" in text for text in code_texts.not_checked(told, words("en")))
    assert not any("sharpness" in text for text in code_texts.checked(told, words("en")))


def test_covered_face_names_covering_and_unmeasured(lane: Lane, officer: Officer) -> None:
    quality: dict[str, object] = {name: {"value": 0.15} for name in COMPONENTS}
    quality["motion"] = {"not_assessed": "no frame before"}
    low = {"code": "F04", "components": ["eyes_visible", "motion"]}
    evidence = judged("", [], [])["evidence"] | {"quality": quality}
    passage = lane.refer(reasons=[low, {"code": "F05"}], evidence=evidence)
    officer.claim(passage)
    page = officer.http.get(f"/referrals/{passage}").text
    assert "Outside the limits: eyes covered, or not to be seen" in page
    assert "Not measured: movement" in page
    assert f"Measured and outside no limit: {len(COMPONENTS) - 2}" in page


@pytest.mark.parametrize(
    ("headers", "query", "tag"),
    [
        ({}, "", "en"),
        ({"accept-language": "zh-CN,zh;q=0.9,en;q=0.8"}, "", "zh-Hans"),
        ({"accept-language": "fr-CH, fr;q=0.9, en;q=0.5, zh;q=0.7"}, "", "zh-Hans"),
        ({"accept-language": "de, en-GB;q=0.1, zh;q=0"}, "", "en"),
        ({"accept-language": "zh;q=x,;;;,=,"}, "", "en"),
        ({"accept-language": "zh", "cookie": "passenger_lane_language=en"}, "", "en"),
        ({"cookie": "passenger_lane_language=en"}, "lang=zh-Hans", "zh-Hans"),
        ({"cookie": "passenger_lane_language=../../etc"}, "lang=xx", "en"),
    ],
)
def test_the_language_is_the_officers_choice(headers: dict[str, str], query: str, tag: str) -> None:
    raw = [(name.encode(), value.encode()) for name, value in headers.items()]
    request = Request({"type": "http", "headers": raw, "query_string": query.encode()})
    assert of_request(request).tag == tag


def test_one_catalogue_adds_language(tmp_path: Path) -> None:
    header = 'msgid ""\nmsgstr ""\n"Content-Type: text/plain; charset=utf-8\\n"\n'
    (tmp_path / "de.po").write_text(header + '"X-Language-Name: Deutsch\\n"\n', "utf-8")
    assert choices(tmp_path) == {"en": "English", "de": "Deutsch"}
    (tmp_path / "fr.po").write_text(header, "utf-8")
    with pytest.raises(ValueError, match=r"fr\.po: the header needs X-Language-Name"):
        choices(tmp_path)
    assert CHOICES == {"en": "English", "zh-Hans": "简体中文"}


def test_the_choice_of_language_is_remembered(officer: Officer) -> None:
    assert 'lang="zh-Hans"' in officer.http.get("/queue?lang=zh-Hans").text
    assert "当前无人等待" in officer.http.get("/queue").text
    assert "Nobody is waiting" in officer.http.get("/queue?lang=en").text


class Inline(HTMLParser):
    """Collects what a strict policy would block, and forms that would not prove their origin."""

    def __init__(self) -> None:
        super().__init__()
        self.found: list[str] = []
        self.csrf_missing = 0

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = dict(attrs)
        blocked = [name for name in given if name == "style" or name.startswith("on")]
        if tag == "style" or (tag == "script" and "src" not in given) or blocked:
            self.found.append(self.get_starttag_text() or tag)
        if tag == "form" and given.get("method") == "post":
            self.csrf_missing += 1
        if given.get("name") == "csrf_token" and len(given.get("value") or "") == 64:
            self.csrf_missing -= 1


def test_pages_without_inline_forms_prove_origin(lane: Lane, officer: Officer) -> None:
    mine, free = lane.refer(), lane.refer(reasons=[{"code": "A01"}, {"code": "F04", "components": ["x"]}])
    officer.claim(mine)
    for path in ("/queue", f"/referrals/{mine}", f"/referrals/{free}"):
        page = Inline()
        page.feed(officer.http.get(path).text)
        assert page.found == []
        assert page.csrf_missing == 0


def test_lane_words_are_never_markup(lane: Lane, officer: Officer) -> None:
    passage = lane.refer(reasons=[{"code": "<img src=x>", "components": ["<b>bold</b>", "\"onload='x'"]}])
    officer.claim(passage)
    officer.judge(passage)
    html = officer.http.get(f"/referrals/{passage}").text
    assert "<b>bold" not in html
    assert "<img src=x>" not in html
    assert "&lt;b&gt;bold" in html


def test_case_is_decided_without_script(desk: RunningDesk, lane: Lane) -> None:
    passage = lane.refer()
    with desk.officer() as officer:
        officer.http.headers.pop("X-CSRF-Token")
        officer.http.cookies.clear()
        officer.http.follow_redirects = True
        queue = officer.http.post("/sign-in", data={"name": "wang", "password": "correct horse battery"})
        assert "1 passenger waiting" in queue.text
        token = re.findall(r'name="csrf_token" value="(\w{64})"', queue.text)[0]
        page = officer.http.post(f"/referrals/{passage}/claim", data={"csrf_token": token})
        assert "second_line" not in page.text
        judged = {"csrf_token": token, "verdict": "cannot_tell", "confidence": "3"}
        page = officer.http.post(f"/referrals/{passage}/judgement", data=judged)
        assert 'value="second_line.cannot_tell" required' in page.text
        assert "checked>" not in page.text
        chosen = {"csrf_token": token, "choice": "second_line.cannot_tell", "note": "两人同行"}
        asked = officer.http.post(f"/referrals/{passage}/confirm", data=chosen)
        assert "The gate stays closed" in asked.text
        assert lane.decision(passage) is None
        done = officer.http.post(f"/referrals/{passage}/decision", data=chosen)
        assert "Sent to secondary inspection" in done.text
        assert lane.decision(passage)["answer"] == "second_line"
        assert "Nobody is waiting" in officer.http.get("/queue").text


@pytest.mark.parametrize("choice", ["", "admit", "admit.cannot_tell", "refuse.other", "admit.same_person.x"])
def test_invalid_choice_decides_nothing(lane: Lane, officer: Officer, choice: str) -> None:
    passage = lane.refer(images=[])
    officer.claim(passage)
    for step in ("confirm", "decision"):
        assert officer.form(f"/referrals/{passage}/{step}", choice=choice).status_code == 422
    assert lane.decision(passage) is None


def test_lost_case_told_in_words(desk: RunningDesk, lane: Lane, officer: Officer) -> None:
    passage = lane.refer(images=[])
    officer.claim(passage)
    desk.clock.pass_time(seconds=121)
    with desk.officer("li") as other:
        other.claim(passage)
        answer = officer.form(f"/referrals/{passage}/decision", choice="admit.same_person")
        assert (answer.status_code, "no longer yours" in answer.text) == (409, True)
        assert "With another officer" in officer.http.get(f"/referrals/{passage}").text


def test_earlier_decision_names_nobody(lane: Lane, officer: Officer) -> None:
    passage = lane.refer()
    officer.claim(passage)
    officer.judge(passage)
    html = officer.http.get(f"/referrals/{passage}").text
    told = re.findall(r'data-already_decided="([^"]+)"', html)
    assert [text for text in told if "fficer" not in text], "it can be the same officer, in another tab"


def test_page_shows_no_comparison_number(lane: Lane, officer: Officer) -> None:
    passage = lane.refer()
    officer.claim(passage)
    for path in ("/queue", f"/referrals/{passage}"):
        text = text_of(officer.http.get(path).text)
        assert "31337" not in text
        assert "%" not in text
        assert "F10" not in text


WORTH = {
    "en": "In the worst group, 32 of 10,000 impostor comparisons (two different people) score this high",
    "zh-Hans": "在误认最多的群组中，每 10,000 次非本人比对（两人并非同一人）有 32 次达到或高于此水平。",
}


@pytest.mark.parametrize(("tag", "said"), WORTH.items())
def test_comparison_worth_told_after_decision(lane: Lane, officer: Officer, tag: str, said: str) -> None:
    passage = lane.refer()
    path = f"/referrals/{passage}?lang={tag}"
    assert said not in officer.http.get(path).text
    officer.claim(passage)
    assert said not in officer.http.get(path).text, "it would lead the officer's eye"
    for step in (officer.judge, officer.decide):
        step(passage)
        page = officer.http.get(path).text
        assert said in page
        assert "%" not in text_of(page)


@pytest.mark.parametrize("value", [1.0, 0.5, 0.0031, 0.0003, 0.00001, 1e-12])
def test_impostors_round_up_never_to_none(value: float) -> None:
    evidence = EvidenceFact(similarity=MeasureFact(value=0.4), achieved_fmr=MeasureFact(value=value))
    found = re.search(r"([\d,]+) of 10,000", code_texts.worth(evidence, words("en")))
    assert found
    told = int(found[1].replace(",", ""))
    assert told >= max(1, round(value * 10_000, 9))
    assert told - 1 < max(1e-9, value * 10_000)


@pytest.mark.parametrize("value", [None, 0.0, -0.1, 1.1, float("inf"), float("nan")])
def test_impossible_rate_is_not_told(value: float | None) -> None:
    evidence = EvidenceFact(similarity=MeasureFact(value=0.4), achieved_fmr=MeasureFact(value=value))
    assert (
        code_texts.worth(evidence, words("en"))
        == "The lane did not tell how many impostor comparisons (two people) do as well."
    )
    assert code_texts.share(evidence) is None


def test_no_rate_without_comparison() -> None:
    evidence = EvidenceFact(achieved_fmr=MeasureFact(value=0.1))
    assert code_texts.worth(evidence, words("en")) == "Live face and document photo: not compared"
    assert code_texts.share(evidence) is None


def colours(scheme: str) -> dict[str, str]:
    css = (CONSOLE / "static" / "shared" / "desk.css").read_text("utf-8")
    light, dark = css.split("@media (prefers-color-scheme: dark)")
    found = dict(re.findall(r"--([\w-]+): (#[0-9a-f]{6});", light))
    return found | (dict(re.findall(r"--([\w-]+): (#[0-9a-f]{6});", dark)) if scheme == "dark" else {})


def luminance(colour: str) -> float:
    channels = [int(colour[at : at + 2], 16) / 255 for at in (1, 3, 5)]
    red, green, blue = (c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in channels)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_text_contrast_is_seven_to_one(scheme: str) -> None:
    palette = colours(scheme)
    pairs = [*product(("ink", "soft", "blue", "amber", "red", "green"), ("page", "surface"))]
    pairs += [("on-accent", "accent"), ("amber", "amber-ground"), ("soft", "sunk"), ("ink", "sunk")]
    for text, ground in pairs:
        light, dark = sorted((luminance(palette[text]), luminance(palette[ground])), reverse=True)
        assert (light + 0.05) / (dark + 0.05) >= 7, f"{text} on {ground}"


@pytest.fixture(params=[*TEMPLATES, *SCRIPTS], ids=lambda path: path.name)
def source(request: pytest.FixtureRequest) -> str:
    return str(request.param.read_text("utf-8"))


def test_pages_load_nothing_from_elsewhere(source: str) -> None:
    assert not re.findall(r"https?://|//cdn|@import|eval\(", source)
