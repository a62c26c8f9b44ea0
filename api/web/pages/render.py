"""Templates to pages, in the officer's language, under the bar with the places that a role may open.

All is escaped, and an unknown name is an error.
"""

from dataclasses import dataclass
from functools import cache, partial
from urllib.parse import quote

from fastapi import Request
from fastapi.responses import HTMLResponse, RedirectResponse
from jinja2 import Environment, PackageLoader, StrictUndefined

from api.people.officers import SignedInOfficer
from api.people.roles import Role
from api.web.access.authentication import csrf_token, token_of
from api.web.access.permissions import RULES
from api.web.middleware.request_id import request_id_of
from api.web.translations import code_texts, language
from api.web.translations.language import CHOICES, N_

_YEAR_S = 365 * 24 * 3600


@dataclass(frozen=True, slots=True)
class Place:
    """An entry of the bar above each page."""

    page: str
    """The page's function: its rule says for whom it is."""
    path: str
    text: str


_PLACES = (
    Place("list_referrals", "/queue", N_("Queue")),
    Place("list_requests", "/requests", N_("Without the camera")),
    Place("show_hall_page", "/hall", N_("Hall")),
    Place("show_evaluation", "/evaluation", N_("Comparison in service")),
    Place("find_passages", "/audit", N_("Ledger")),
    Place("show_quality", "/quality", N_("Quality")),
    Place("show_own_quality", "/quality/me", N_("Quality")),
    Place("list_officers", "/people", N_("People")),
    Place("list_lane_tokens", "/lanes", N_("Lanes’ tokens")),
)
"""From left to right; of two with the same text a role has the first that it may open."""

PROBLEMS: dict[str, str] = {
    "not_found": N_("There is no such page."),
    "referral_unknown": N_("There is no such case."),
    "claim_held": N_("Another officer has this case. Take another one."),
    "claim_missing": N_("This case is no longer yours. Nothing was decided."),
    "already_decided": N_("This case has been decided and stays as it is."),
    "passage_closed": N_("The passage has ended at the lane. There is nobody left to decide on."),
    "other_officer_needed": N_("This case needs another officer. Take another one."),
    "already_judged": N_("You have judged these faces already; your judgement stays as it is."),
    "not_shown": N_("Open the case first: nobody judges faces that were not shown."),
    "not_revealed": N_("Compare the faces first. A decision follows your own judgement."),
    "not_decided": N_("This case has no decision that could be corrected."),
    "not_your_decision": N_("Another officer decided this case; only that officer can correct it."),
    "already_handed": N_("The lane has the decision already. It can no longer be corrected."),
    "note_missing": N_(
        "Say why in a note: your answer contradicts your own judgement, or the lane where it is sure."
    ),
    "repeat_refused": N_("This passenger is not captured again. Choose another answer."),
    "second_officer_needed": N_("This answer needs a second officer and cannot be given as a correction."),
    "ground_refused": N_("This ground does not belong to this answer. Choose one from the list."),
    "no_shift": N_("You are on no shift. Begin one on the queue first."),
    "text_refused": N_("What was written holds a sign that cannot be stored. Write it without that sign."),
    "wrong_password": N_("Name and password do not belong together."),
    "too_many_attempts": N_("Too many wrong passwords. Wait a few minutes, then try again."),
    "too_many_sign_ins": N_("Too many people are signing in at this moment. Wait a moment, then try again."),
    "lane_unknown": N_("There is no such lane, or it may not deliver any more."),
    "no_request": N_("Nothing is asked of this lane, or its passenger is on the way to an officer already."),
    "not_in_ledger": N_("The ledger has no such entry."),
    "passage_not_found": N_("The ledger holds nothing about a passage of this name."),
    "alarm_unknown": N_("There is no such alarm, or no longer."),
    "not_allowed": N_("Your role does not allow this."),
    "one_time_password": N_("Somebody else told you this password. Change it first."),
    "provider_off": N_("The site’s account service does not answer. Sign in here, or try again later."),
    "provider_refused": N_(
        "The site’s account service did not sign you in here. Try again, or ask your supervisor."
    ),
    "passkeys_off": N_("This desk has no passkeys."),
    "passkey_refused": N_("The passkey was not accepted. Try again, or sign in in another way."),
    "passkey_unknown": N_("You have no such passkey."),
    "officer_unknown": N_("There is no such person at this desk."),
    "session_unknown": N_("This session is over."),
    "name_taken": N_("This name is somebody’s already. Choose another one."),
    "own_role": N_("Nobody changes the own role. Ask another administrator."),
    "last_administrator": N_("This is the last administrator. Make another one first."),
    "no_password": N_("The desk keeps no password of this person."),
    "password_refused": N_("A password has 12 to 256 characters, is new, and does not hold the own name."),
    "forged_request": N_("The page was out of date. Go back, reload it, and try again."),
    "request_refused": N_("Something was missing in what was sent. Go back and try again."),
    "too_large": N_("More was sent than the desk takes."),
    "method_not_allowed": N_("This address is not a page. Go to the queue."),
    "image_unknown": N_("This picture is not at the desk, or no longer."),
    "image_key_lost": N_("This picture is not available: its key is not at the desk."),
    "image_key_wrong": N_("This picture is not available: its key was locked with another one."),
    "image_changed": N_("This picture is not available: what is stored was changed."),
    "keyring_out_of_reach": N_("The desk’s keys do not answer. Nothing was stored; try again."),
    "faces_unknown": N_("The desk holds no faces of this passage."),
    "faces_erased": N_("The faces of this passage are erased. There is nothing left to hold."),
    "hold_unknown": N_("This passage is under no legal hold, or no longer."),
    "too_many_listeners": N_("Too many pages are open at this desk. Close some, then try again."),
    "store_busy": N_(
        "The desk’s database does not answer. Whether this was stored is not known: look, and try again."
    ),
    "internal_error": N_("The desk made a mistake and has logged it. Nothing was decided; try again."),
}
"""Error code → what an officer reads."""

_OTHER = N_("The desk could not do this. Go back and try again.")


def page(request: Request, template: str, *, status: int = 200, **values: object) -> HTMLResponse:
    """A whole page or a part of one, for who is signed in. A language that was asked for is remembered."""
    words, token = language.of_request(request), token_of(request)
    officer: SignedInOfficer | None = getattr(request.state, "officer", None)
    basics = {
        "language": words.tag,
        "languages": CHOICES,
        "same_page": _same_page(request),
        "csrf_token": csrf_token(token) if token else "",
        "officer": officer,
        "places": _places(officer.role) if officer else [],
    }
    html = environment(words.tag).get_template(template).render(basics | values)
    response = HTMLResponse(
        html, status, headers={"Content-Language": words.tag, "Vary": "Accept-Language, Cookie"}
    )
    if request.query_params.get("lang") in CHOICES:
        response.set_cookie(language.COOKIE, words.tag, max_age=_YEAR_S, httponly=True, samesite="lax")
    return response


def _places(role: Role) -> list[Place]:
    found: dict[str, Place] = {}
    for place in _PLACES:
        if role in RULES[place.page].callers:
            found.setdefault(place.text, place)
    return list(found.values())


def first_page(role: Role) -> str:
    """Where the role's work begins; without any place, at the own account."""
    return next((place.path for place in _places(role)), "/account")


def error_page(request: Request, status: int, code: str) -> HTMLResponse:
    return page(
        request,
        "problem.html",
        status=status,
        officer=None,
        places=[],
        problem=problem(request, code),
        request_id=request_id_of(request),
    )


def problem(request: Request, code: str) -> str:
    return language.of_request(request).say(PROBLEMS.get(code, _OTHER))


@cache
def environment(tag: str) -> Environment:
    """The templates in one language, with the tables of texts by code."""
    words = language.words(tag)
    made = Environment(
        loader=PackageLoader("api.web"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        extensions=["jinja2.ext.i18n"],
    )
    made.install_gettext_translations(words.texts, newstyle=True)  # type: ignore[attr-defined]
    made.globals["code_texts"] = code_texts
    made.filters |= {
        "say": words.say,
        "brief": partial(code_texts.brief, words=words),
        "ended": partial(code_texts.ended, words=words),
        "duration": duration,
        "number": "{:,}".format,
    }
    made.globals["clock"] = vars(made.get_template("clock.html").module)["clock"]
    return made


def duration(seconds: float) -> str:
    """Minutes and seconds, with hours where there are any: 0:42, 12:05, 1:00:00."""
    minutes, second = divmod(max(0, int(seconds)), 60)
    hours, minute = divmod(minutes, 60)
    return f"{hours}:{minute:02}:{second:02}" if hours else f"{minute}:{second:02}"


def _same_page(request: Request) -> str:
    """The address of this page in another language; empty: the current address."""
    if request.method in ("GET", "HEAD") or request.url.path == "/sign-in":
        return ""
    passage = request.path_params.get("passage")
    return f"/referrals/{quote(passage, safe='')}" if passage else "/queue"


def redirect_to(path: str) -> RedirectResponse:
    return RedirectResponse(path, status_code=303)
