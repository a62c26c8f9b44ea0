"""The desk over HTTP: the lane opens the connection, nobody connects to a lane.

What the desk says is not trusted: its size and time are bounded, its form is checked, and whatever is odd
about it is a lost desk, never a decision.
"""

import json
import re
import ssl
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict
from datetime import datetime
from email.utils import parsedate_to_datetime
from pathlib import Path
from typing import Any, Self

import httpx

from lane.decision.reason_codes import Code
from lane.decision.referral import Answer, Decision, Ground, PassageId
from lane.desk.port import Command, Request, Status, WantedState
from lane.ledger.entry import GENESIS, Entry, Head, Picture
from lane.platform.errors import (
    DeskBehindError,
    DeskLostError,
    DeskRefusedError,
    NetworkLostError,
    SettingsError,
)

_CONNECT_S, _ANSWER_S = 2.0, 5.0
_FRESH_S = 2.0
_LARGEST_ANSWER = 64 * 1024
_LARGEST_SEQ = 2**53
_TOKEN = re.compile(r"[A-Za-z0-9._~+/=-]{16,512}")
_SHA256 = re.compile(r"[0-9a-f]{64}")
_CODE = re.compile(r"[a-z_]{1,40}")


class HttpDesk:
    """See `lane.desk.port.Desk` and `Supervisors`. `token` is this lane's; it goes into no log and no error.

    `authorities` is a file with the certificates that the desk's may come from: the site's own, and no other.
    `on_desk_time` gets the desk's clock with each whole answer that came at once. Raises SettingsError for a
    token that cannot be one, and for such a file that is not usable.
    """

    def __init__(
        self,
        address: str,
        token: str,
        *,
        authorities: Path | None = None,
        on_desk_time: Callable[[datetime], None] = lambda _: None,
    ) -> None:
        if not _TOKEN.fullmatch(token):
            raise SettingsError("the lane's token is missing or garbled: `python -m api lane add` prints one")
        self._on_desk_time = on_desk_time
        self._client = httpx.Client(
            base_url=f"{address.rstrip('/')}/api/v1",
            headers={"Authorization": f"Bearer {token}", "Accept-Encoding": "identity"},
            follow_redirects=False,
            verify=_tls_context(authorities) if authorities else True,
            trust_env=False,  # a proxy from the environment would see faces
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        self._client.close()

    def put_picture(self, picture: Picture, passage: PassageId) -> None:
        self._send(
            "PUT",
            f"/passages/{passage}/images/{picture.sha256}",
            content=picture.content,
            headers={"Content-Type": picture.media_type},
        )

    def report_lost_picture(self, sha256: str, passage: PassageId) -> None:
        self._send("DELETE", f"/passages/{passage}/images/{sha256}")

    def put_entries(self, entries: Sequence[Entry], recovered_through: int | None = None) -> Head:
        wire = [{"payload": entry.payload, "hash": entry.hash} for entry in entries]
        again = {} if recovered_through is None else {"recovered_through": recovered_through}
        answer = self._send("POST", "/entries", json={"entries": wire, **again}, first=entries[0].seq)
        with _understanding():
            applied, head = answer["applied_through"], _head(answer["head"])
        if type(applied) is not int or applied < entries[-1].seq:
            raise DeskLostError("the desk did not apply all entries")
        return head

    def decision(self, passage: PassageId, wait_s: float) -> Decision | None:
        answer = self._send("GET", f"/passages/{passage}/decision", wait_s, params={"wait_s": wait_s})
        with _understanding():
            found = answer["decision"]
            return None if found is None else _decision(found)

    def report(self, status: Status) -> Command:
        body = asdict(status) | {"since": status.since.isoformat()}
        answer = self._send("PUT", "/lane/status", json=body)
        with _understanding():
            asked, request = answer["uncaptured"], None
            if asked is not None:
                request = Request(asked["request"], Code(asked["code"]), asked["by"], float(asked["for_s"]))
            return Command(answer["command"], WantedState(answer["wanted"]), answer["by"], request)

    def _send(
        self, method: str, path: str, wait_s: float = 0.0, first: int = 0, **request: Any
    ) -> Mapping[str, Any]:
        limit_s = wait_s + _ANSWER_S
        timeout = httpx.Timeout(limit_s, connect=_CONNECT_S)
        try:
            with self._client.stream(method, path, timeout=timeout, **request) as answer:
                content = _content(answer, limit_s)
        except httpx.ConnectTimeout as error:
            raise NetworkLostError("nobody answers at the desk in time") from error
        except httpx.TimeoutException as error:
            raise DeskLostError("the desk does not answer in time") from error
        except httpx.HTTPError as error:
            raise NetworkLostError(f"nobody answers at the desk: {type(error).__name__}") from error
        self._report_desk_time(answer)
        return _checked_body(answer, content, first)

    def _report_desk_time(self, answer: httpx.Response) -> None:
        """As the answer's head has it, in whole seconds."""
        try:
            date = parsedate_to_datetime(answer.headers["Date"])
        except (KeyError, ValueError):
            return
        if answer.is_success and date.tzinfo is not None and answer.elapsed.total_seconds() < _FRESH_S:
            self._on_desk_time(date)


@contextmanager
def _understanding() -> Iterator[None]:
    """An answer of another form is a lost desk."""
    try:
        yield
    except (KeyError, TypeError, ValueError) as error:
        raise DeskLostError("the desk's answer is not understood") from error


def _content(answer: httpx.Response, limit_s: float) -> bytes:
    """The whole body, within a size and a time that a slow drip of bytes does not stretch."""
    until = time.monotonic() + limit_s
    content = b""
    for part in answer.iter_raw():
        content += part
        if len(content) > _LARGEST_ANSWER:
            raise DeskLostError("the desk's answer is too long")
        if time.monotonic() > until:
            raise DeskLostError("the desk does not answer in time")
    return content


def _checked_body(answer: httpx.Response, content: bytes, first: int) -> Mapping[str, Any]:
    if answer.status_code >= 500:
        raise DeskLostError(f"the desk cannot: HTTP {answer.status_code}")
    if answer.status_code == httpx.codes.NO_CONTENT:
        return {}
    try:
        body = json.loads(content)
    except (ValueError, RecursionError) as error:
        raise DeskLostError("the desk's answer is not JSON") from error
    if not isinstance(body, dict):
        raise DeskLostError("the desk's answer is not understood")
    if not answer.is_success:
        code = body.get("code")
        said = code if isinstance(code, str) and _CODE.fullmatch(code) else "without a code"
        if (has := _restored_head(first, body)) is not None:
            raise DeskBehindError(has.seq, has.hash)
        raise DeskRefusedError(f"HTTP {answer.status_code}, {said}")
    return body


def _restored_head(first: int, body: Mapping[str, Any]) -> Head | None:
    """How far the desk has this lane's chain, where it says that it lacks entries before the `first`."""
    has = body.get("has")
    if body.get("code") != "chain_broken" or not isinstance(has, dict):
        return None
    try:
        head = GENESIS if has["seq"] == 0 else _head(has)
    except (KeyError, TypeError, ValueError):
        return None
    return head if head.seq < first - 1 else None


def _head(wire: Mapping[str, Any]) -> Head:
    seq, hash_ = wire["seq"], wire["hash"]
    if type(seq) is not int or not 0 < seq < _LARGEST_SEQ:
        raise ValueError("no place in a chain")
    if not isinstance(hash_, str) or not _SHA256.fullmatch(hash_):
        raise ValueError("no hash")
    return Head(seq, hash_)


def _decision(wire: Mapping[str, Any]) -> Decision:
    return Decision(
        id=wire["id"],
        passage=wire["passage"],
        answer=Answer(wire["answer"]),
        ground=Ground(wire["ground"]),
        officer=wire["officer"],
        decided_at=datetime.fromisoformat(wire["decided_at"]),
    )


def _tls_context(authorities: Path) -> ssl.SSLContext:
    try:
        return ssl.create_default_context(cafile=str(authorities))
    except OSError as error:
        reason = error.strerror or type(error).__name__
        raise SettingsError(f"desk_authorities {authorities}: {reason}") from error
