"""The desk over HTTP: the lane opens the connection, nobody connects to a lane."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from types import TracebackType
from typing import Any, Self

import httpx

from lane.errors import DeskLostError, DeskRefusedError, NetworkLostError
from lane.ledger import Entry, Head
from lane.ports import Picture
from lane.referral import Answer, Decision, Ground, PassageId

_TIMEOUT = httpx.Timeout(5.0, connect=2.0)
_LARGEST_ANSWER = 1 << 20


class HttpDesk:
    """See `lane.ports.Desk`. `token` is this lane's; it goes into no log and no error."""

    def __init__(self, address: str, token: str) -> None:
        self._client = httpx.Client(
            base_url=f"{address.rstrip('/')}/api/v1",
            headers={"Authorization": f"Bearer {token}"},
            timeout=_TIMEOUT,
            follow_redirects=False,
            trust_env=False,  # a proxy from the environment would see faces
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Release the connections."""
        self._client.close()

    def put_picture(self, picture: Picture) -> None:
        """See `lane.ports.Desk.put_picture`."""
        self._ask(
            "PUT",
            f"/images/{picture.sha256}",
            content=picture.content,
            headers={"Content-Type": picture.media_type},
        )

    def put_entries(self, entries: Sequence[Entry]) -> Head:
        """See `lane.ports.Desk.put_entries`."""
        wire = [{"payload": entry.payload, "hash": entry.hash} for entry in entries]
        answer = self._ask("POST", "/entries", json={"entries": wire})
        try:
            if answer["applied_through"] < entries[-1].seq:
                raise DeskLostError("the desk did not apply all entries")
            return Head(int(answer["head"]["seq"]), str(answer["head"]["hash"]))
        except (KeyError, TypeError, ValueError) as error:
            raise DeskLostError("the desk's answer is not understood") from error

    def decision(self, passage: PassageId, wait_s: float) -> Decision | None:
        """See `lane.ports.Desk.decision`."""
        timeout = httpx.Timeout(wait_s + 5.0, connect=2.0)
        answer = self._ask("GET", f"/passages/{passage}/decision", params={"wait_s": wait_s}, timeout=timeout)
        try:
            found = answer["decision"]
            return None if found is None else _decision(found)
        except (KeyError, TypeError, ValueError) as error:
            raise DeskLostError("the desk's answer is not understood") from error

    def _ask(self, method: str, path: str, **request: Any) -> Mapping[str, Any]:
        try:
            answer = self._client.request(method, path, **request)
        except httpx.TimeoutException as error:
            lost = isinstance(error, httpx.ConnectTimeout)
            raise (NetworkLostError if lost else DeskLostError)("the desk does not answer in time") from error
        except httpx.HTTPError as error:
            raise NetworkLostError(f"nobody answers at the desk: {type(error).__name__}") from error
        return _understood(answer)


def _understood(answer: httpx.Response) -> Mapping[str, Any]:
    if answer.status_code >= 500:
        raise DeskLostError(f"the desk cannot: HTTP {answer.status_code}")
    if answer.status_code == 204:
        return {}
    if len(answer.content) > _LARGEST_ANSWER:
        raise DeskLostError("the desk's answer is too long")
    try:
        body = answer.json()
    except ValueError as error:
        raise DeskLostError("the desk's answer is not JSON") from error
    if not isinstance(body, dict):
        raise DeskLostError("the desk's answer is not understood")
    if not answer.is_success:
        raise DeskRefusedError(f"HTTP {answer.status_code}, {body.get('code', 'no code')}")
    return body


def _decision(wire: Mapping[str, Any]) -> Decision:
    return Decision(
        id=str(wire["id"]),
        passage=PassageId(str(wire["passage"])),
        answer=Answer(wire["answer"]),
        ground=Ground(wire["ground"]),
        officer=str(wire["officer"]),
        decided_at=datetime.fromisoformat(wire["decided_at"]),
    )
