"""What an auditor looks entries up by: a passage that began, a reason, an officer; a row for each.

They are derived from an entry's payload alone, so that `verify` can check them.
"""

import re
from collections.abc import Iterator
from typing import Any

from lane.ledger.entry import Entry

STARTED = "started"
_CODE = re.compile("[A-Z][0-9]{2}")


def reason(code: str) -> str:
    """The term of judgements that name this reason, or this remark: what was signalled is found, too."""
    return f"reason {code}"


def officer(pseudonym: str) -> str:
    return f"officer {pseudonym}"


def terms_of(entry: Entry, inner: Entry | None) -> list[dict[str, Any]]:
    """The rows of an entry; `inner` is the lane's entry inside it, where there is one."""
    passage = (inner or entry).body.get("passage")
    if not isinstance(passage, str):
        return []
    named = set(_lane_terms(inner) if inner else _officer_terms(entry))
    lane = inner.chain if inner else None
    return [{"seq": entry.seq, "term": term, "passage": passage, "lane": lane} for term in sorted(named)]


def _lane_terms(inner: Entry) -> Iterator[str]:
    if inner.kind == "passage.started":
        yield STARTED
    if inner.kind == "passage.judged":
        for name in ("reasons", "remarks"):
            listed = inner.body.get(name)
            for one in listed if isinstance(listed, list) else ():
                code = one.get("code") if isinstance(one, dict) else None
                if isinstance(code, str) and _CODE.fullmatch(code):
                    yield reason(code)


def _officer_terms(entry: Entry) -> Iterator[str]:
    decision = entry.body.get("decision")
    for body in (entry.body, decision if isinstance(decision, dict) else {}):
        by = body.get("officer")
        if isinstance(by, str) and len(by) <= _LONGEST:
            yield officer(by)


_LONGEST = 32
"""The length of the longest pseudonym."""
