"""Signing in at the site's identity provider, with a real one on localhost, honest and not."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import httpx
import pytest
from joserfc import jwt
from joserfc.jwk import RSAKey
from playwright.sync_api import Browser
from pydantic import SecretStr, ValidationError

from api.people.identity_provider import ProviderClient
from api.people.roles import Role
from api.people.sign_in import CHALLENGE_LASTS
from api.platform.database.tables import OfficerRow
from api.platform.settings import Provider, Settings
from tests.support.api.identity_provider import (
    CLIENT,
    SECRET,
    IdentityProvider,
    identity_provider,
    signed_with_what_all_know,
    unsigned,
)
from tests.support.api.running_desk import Lane, Officer, RunningDesk
from tests.support.browser import quiet_page

pytestmark = pytest.mark.usefixtures("whole_ledger")

ROLES: Any = {"border-officers": "officer", "shift-leads": "supervisor", "it": "administrator"}
GOOD = {"issuer": "https://id.example", "client_id": "desk", "client_secret": "s", "roles": {"a": "officer"}}


@pytest.fixture
def provider(desk: RunningDesk) -> Iterator[IdentityProvider]:
    with identity_provider() as made:
        origin = desk.address.replace("127.0.0.1", "localhost")
        settings = Provider(
            issuer=made.issuer, client_id=CLIENT, client_secret=SecretStr(SECRET), roles=ROLES
        )
        changed = desk.desk.settings.model_copy(update={"origin": origin, "provider": settings})
        desk.app.state.desk = replace(desk.desk, settings=changed)
        desk.app.state.provider = ProviderClient(settings, origin, desk.clock)
        yield made
        desk.app.state.provider = None


class Visit:
    def __init__(self, desk: RunningDesk) -> None:
        self.address = desk.address.replace("127.0.0.1", "localhost")
        self.http = httpx.Client(base_url=self.address, trust_env=False, timeout=30)

    def begin(self) -> str:
        """Where the provider sends the browser back to."""
        asked = self.http.get("/sign-in/provider")
        assert asked.status_code == 303, asked.text
        return httpx.get(asked.headers["location"]).headers["location"]

    def sign_in(self) -> httpx.Response:
        return self.http.get(self.begin())

    def session(self) -> httpx.Response:
        return self.http.get("/api/v1/session")


@pytest.fixture
def visit(desk: RunningDesk, provider: IdentityProvider) -> Iterator[Visit]:
    """A browser at a desk of which this is the provider."""
    del provider  # it is at work while the test runs
    made = Visit(desk)
    yield made
    made.http.close()


def refused(answer: httpx.Response, visit: Visit) -> bool:
    return answer.status_code == 401 and visit.session().status_code == 401


@pytest.mark.parametrize("algorithm", ["RS256", "ES256"])
def test_role_there_is_officer_here(
    desk: RunningDesk, provider: IdentityProvider, visit: Visit, algorithm: str
) -> None:
    provider.algorithm = algorithm
    for _ in range(2):
        assert visit.sign_in().status_code == 200
    officer = visit.session().json()["officer"]
    assert (officer["name"], officer["role"]) == ("li.na", "officer")
    with desk.desk.database.read() as session:
        (row,) = session.query(OfficerRow)
    text = " ".join(desk.payloads())
    assert row.pseudonym == officer["pseudonym"]
    assert "li.na" not in text
    assert "u-1" not in text
    provider.who |= {"groups": ["shift-leads", "a group that means nothing here"]}
    visit.sign_in()
    assert visit.session().json()["officer"]["role"] == "supervisor", "another role there is another here"
    assert provider.asked.count("/.well-known/openid-configuration") == 1


@pytest.mark.parametrize(
    "groups", [[], ["visitors"], None, "visitors", 7, [7], ["border-officers", "it"], {"border-officers": 1}]
)
def test_no_role_or_two_gets_nothing(
    desk: RunningDesk, provider: IdentityProvider, visit: Visit, groups: Any
) -> None:
    provider.who |= {"groups": groups}
    assert refused(visit.sign_in(), visit)
    with desk.desk.database.read() as session:
        assert session.query(OfficerRow).count() == 0


@pytest.mark.parametrize("groups", [[], ["border-officers", "it"]])
def test_lost_role_ends_work_here(
    desk: RunningDesk, provider: IdentityProvider, lane: Lane, visit: Visit, groups: list[str]
) -> None:
    """In no browser: the sign-in that is refused ends those from before, and gives the cases back."""
    visit.sign_in()
    passage = lane.refer()
    csrf = {"X-CSRF-Token": visit.session().json()["csrf_token"]}
    assert visit.http.post(f"/api/v1/referrals/{passage}/claim", headers=csrf).status_code == 200
    provider.who |= {"groups": groups}
    elsewhere = Visit(desk)
    assert refused(elsewhere.sign_in(), elsewhere)
    elsewhere.http.close()
    assert visit.session().status_code == 401
    with desk.officer("gu") as colleague:
        assert colleague.claim(passage).status_code == 200


@pytest.mark.parametrize(
    "claims",
    [
        {"nonce": "another"},
        {"nonce": None},
        {"aud": "another client"},
        {"aud": None},
        {"aud": [CLIENT, "another"], "azp": "another"},
        {"iss": "https://evil.example"},
        {"iss": None},
        {"exp": 1},
        {"exp": None},
        {"iat": 4102444800},
        {"nbf": 4102444800},
        {"sub": None},
        {"sub": ""},
        {"sub": 7},
    ],
)
def test_faulty_token_signs_nobody_in(
    provider: IdentityProvider, visit: Visit, claims: dict[str, Any]
) -> None:
    provider.claims = claims
    assert refused(visit.sign_in(), visit)


def test_foreign_key_token_signs_nobody_in(provider: IdentityProvider, visit: Visit) -> None:
    """Nor does an unsigned one, nor one that is signed with the public key as a secret."""
    kid, known = provider.key().kid, provider.key().as_pem(private=False)
    stranger = RSAKey.generate_key(2048, {"kid": kid})
    forgeries: list[Callable[[Mapping[str, Any]], str]] = [
        lambda claims: jwt.encode({"alg": "RS256", "kid": kid}, dict(claims), stranger),
        lambda claims: signed_with_what_all_know(claims, kid, known),
        unsigned,
        lambda _: "no token at all",
        lambda _: "a.b.c",
        lambda _: "",
    ]
    for forge in forgeries:
        provider.forge = forge
        assert refused(visit.sign_in(), visit)


def test_new_provider_keys_are_fetched(desk: RunningDesk, provider: IdentityProvider, visit: Visit) -> None:
    assert visit.sign_in().status_code == 200
    provider.key_number += 1
    desk.clock.pass_time(minutes=2)
    # Its clock and the desk's must agree, or its word is old.
    provider.claims = {"iat": int(desk.clock().timestamp()), "exp": int(desk.clock().timestamp()) + 60}
    assert visit.sign_in().status_code == 200
    assert provider.asked.count("/keys") == 2


def test_answer_belongs_to_asking_browser(desk: RunningDesk, visit: Visit) -> None:
    victim = Visit(desk)
    victim.begin()
    assert refused(victim.http.get(visit.begin()), victim)
    victim.http.cookies.clear()
    assert refused(victim.http.get(visit.begin()), visit)
    victim.http.close()


def test_an_answer_is_taken_once_and_soon(desk: RunningDesk, visit: Visit) -> None:
    back = visit.begin()
    assert visit.http.get(back).status_code == 200
    visit.http.cookies.clear()
    assert refused(visit.http.get(back), visit)
    late = visit.begin()
    desk.clock.pass_time(seconds=CHALLENGE_LASTS.total_seconds() + 1)
    assert refused(visit.http.get(late), visit)


@pytest.mark.parametrize("change", [{"code": "invented"}, {"state": "invented"}, {"code": ""}, {"state": ""}])
def test_an_invented_answer_is_not_taken(visit: Visit, change: dict[str, str]) -> None:
    back = urlsplit(visit.begin())
    sent = {name: values[0] for name, values in parse_qs(back.query).items()} | change
    assert refused(visit.http.get(back.path, params=sent), visit)


def test_foreign_code_is_useless(desk: RunningDesk, visit: Visit) -> None:
    """PKCE: a code that leaked belongs to the question of another browser."""
    other = Visit(desk)
    stolen = parse_qs(urlsplit(other.begin()).query)["code"][0]
    own = urlsplit(visit.begin())
    sent = {"state": parse_qs(own.query)["state"][0], "code": stolen}
    assert refused(visit.http.get(own.path, params=sent), visit)
    other.http.close()


@pytest.mark.parametrize(
    "described",
    [
        {"issuer": "https://evil.example"},
        {"token_endpoint": "http://evil.example/token"},
        {"jwks_uri": None},
        {"authorization_endpoint": "javascript:alert(1)"},
    ],
)
def test_misdescribed_provider_is_not_asked(
    provider: IdentityProvider, visit: Visit, described: dict[str, Any]
) -> None:
    provider.described = described
    answer = visit.http.get("/sign-in/provider")
    assert answer.status_code == 503
    assert 'name="password"' in answer.text


def test_disabled_officer_not_signed_in(administrator: Officer, visit: Visit) -> None:
    visit.sign_in()
    path = f"/officers/{visit.session().json()['officer']['pseudonym']}"
    assert administrator.ask("POST", f"{path}/password").json()["code"] == "no_password"
    assert administrator.ask("DELETE", path).status_code == 204
    assert refused(visit.sign_in(), visit)


def test_taken_name_becomes_nobody_elses(desk: RunningDesk, visit: Visit) -> None:
    with desk.officer("li.na") as here:
        visit.sign_in()
        officer = visit.session().json()["officer"]
        assert officer["pseudonym"] != here.pseudonym
        assert officer["name"].startswith("li.na ")
        assert here.ask("GET", "/session").status_code == 200
    password = {"name": officer["name"], "password": ""}
    assert visit.http.post("/sign-in", data=password).status_code == 401


def test_desk_without_provider_offers_none(desk: RunningDesk) -> None:
    with httpx.Client(base_url=desk.address, trust_env=False) as browser:
        assert "/sign-in/provider" not in browser.get("/sign-in").text
        assert browser.get("/sign-in/provider").status_code == 503
        assert browser.get("/sign-in/provider/return?state=a&code=b").status_code == 401


@pytest.mark.parametrize(
    "wrong",
    [
        {"issuer": "http://evil.example"},
        {"roles": {}},
        {"roles": {"it": "king"}},
        {"client_secret": None},
        {"client_secret_file": Path("secret")},
    ],
)
def test_unsafe_provider_settings_are_refused(wrong: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        Settings.model_validate({"origin": "https://desk.example", "provider": GOOD | wrong})
    with pytest.raises(ValidationError, match="origin"):
        Settings.model_validate({"provider": GOOD})


@pytest.mark.parametrize("role", Role)
def test_a_provider_may_give_each_role(role: Role) -> None:
    given = Provider.model_validate(GOOD | {"roles": {"a": role}})
    assert given.roles == {"a": role.value}


@pytest.mark.thorough
@pytest.mark.browser
def test_browser_returns_signed_in(browser: Browser, desk: RunningDesk, provider: IdentityProvider) -> None:
    with quiet_page(browser) as page:
        page.goto(f"{desk.address.replace('127.0.0.1', 'localhost')}/sign-in")
        page.get_by_role("link", name="Sign in with the site’s account").click()
        page.wait_for_url("**/queue")
        assert page.locator(".who").inner_text() == "li.na"
