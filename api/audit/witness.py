"""A second party that keeps signed heads only, and finds any rewriting of the ledger.

It asks for the newest head and for the proof that the ledger it kept is its beginning. Where a desk cannot
give one, both heads together are the evidence: signed by the same key, they contradict each other.
"""

import json
import os
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx

from api.ledger import tree_head
from api.ledger.tree_head import TreeHead
from api.platform.errors import WitnessError
from lane.ledger import merkle

_TIMEOUT_S = 20


class ContradictionError(Exception):
    """The desk signed, or proves, something else than before. `head` is what it signs now."""

    def __init__(self, fault: str, head: TreeHead) -> None:
        super().__init__(fault)
        self.head = head


@dataclass(frozen=True, slots=True)
class Witness:
    """The file of the heads, and the access to the desk."""

    store: Path
    desk: httpx.Client

    def look(self, accepted: Sequence[str] = ()) -> TreeHead:
        """Ask for the newest head, check it, and keep it.

        Raises ContradictionError where the ledger was rewritten or cut off, WitnessError where that could not
        be found out. `accepted`: keys that the site rightly changed to.
        """
        kept = read(self.store)
        head = self._head()
        try:
            self._check(kept[-1] if kept else None, head, accepted)
        except ContradictionError:
            _keep(self.store.with_name(f"{self.store.name}.contradiction"), [*kept[-1:], head])
            raise
        if head not in kept[-1:]:
            _keep(self.store, [*kept, head])
        return head

    def _check(self, known: TreeHead | None, head: TreeHead, accepted: Sequence[str]) -> None:
        if not head.is_genuine():
            raise ContradictionError("the desk's head is not signed by the key that it names", head)
        if known is None:
            return
        if head.key != known.key and head.key not in accepted:
            raise ContradictionError(f"the desk signs with another key, {head.key}", head)
        if head.size < known.size:
            raise ContradictionError(f"it is cut off: it had {known.size} entries, has {head.size}", head)
        path = self._consistency(known.size, head)
        roots = bytes.fromhex(known.root), bytes.fromhex(head.root)
        if path is None or not merkle.extends(known.size, roots[0], head.size, roots[1], path):
            raise ContradictionError(f"the ledger was rewritten: not the {known.size} entries kept", head)

    def _head(self) -> TreeHead:
        answer = self._ask("/head", {})
        if answer.status_code != httpx.codes.OK:
            raise WitnessError(f"the desk answers {answer.status_code}: check address and token")
        try:
            fields: dict[str, Any] = answer.json()
            return tree_head.from_json(fields)
        except (ValueError, TypeError, AttributeError) as error:
            raise WitnessError("what the desk answers is no signed head") from error

    def _consistency(self, first: int, head: TreeHead) -> list[bytes] | None:
        """None: the desk has no proof of what it signed."""
        answer = self._ask("/proof/consistency", {"first": first, "second": head.size})
        if answer.status_code == httpx.codes.NOT_FOUND:
            return None
        if answer.status_code != httpx.codes.OK:
            raise WitnessError(f"the desk answers {answer.status_code} when it is asked for a proof")
        try:
            return [bytes.fromhex(part) for part in answer.json()["path"]]
        except (ValueError, KeyError, TypeError) as error:
            raise WitnessError("the desk's proof cannot be read") from error

    def _ask(self, path: str, asked: Mapping[str, int]) -> httpx.Response:
        try:
            return self.desk.get(f"/api/v1/ledger{path}", params=asked)
        except (httpx.HTTPError, httpx.InvalidURL) as error:
            raise WitnessError(
                f"the desk cannot be asked at {self.desk.base_url}: {type(error).__name__}"
            ) from error


@contextmanager
def at(desk: str, store: Path, token: str) -> Iterator[Witness]:
    asking = {"Authorization": f"Bearer {token}"}
    with httpx.Client(base_url=desk, headers=asking, timeout=_TIMEOUT_S, trust_env=False) as client:
        yield Witness(store, client)


def read(path: Path) -> list[TreeHead]:
    """The heads in a file, one JSON object a line; none where there is no file. Raises WitnessError."""
    try:
        lines = path.read_text("utf-8").splitlines() if path.exists() else []
        return [tree_head.from_json(json.loads(line)) for line in lines]
    except (OSError, ValueError, TypeError, AttributeError) as error:
        raise WitnessError(f"{path}: these are no signed heads ({type(error).__name__})") from error


def _keep(path: Path, kept: Sequence[TreeHead]) -> None:
    """All or nothing: a witness that loses what it kept is none."""
    beside = path.with_name(f"{path.name}.new")
    try:
        with beside.open("w", encoding="utf-8") as file:
            file.writelines(f"{json.dumps(head.to_json())}\n" for head in kept)
            file.flush()
            os.fsync(file.fileno())
        beside.replace(path)
    except OSError as error:
        raise WitnessError(f"{path}: the heads cannot be kept: {error.strerror}") from error
