"""Logs: one JSON object a line on standard error; never a face, name, token, password or document.

The first safeguard: only fields that `log` calls name are logged, and no request is ever echoed. The second,
against mistakes there and for the messages of other packages: what looks like a secret all the same is
replaced, and of an exception only its kind and place are logged.
"""

import logging
import re
import sys
import threading
import traceback
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import structlog

log = structlog.get_logger(__name__)

REPLACED = "[redacted]"

_NAMES = re.compile(
    r"(?i)(passw|passphrase|token(?!_sha256)|cookie|secret|authori[sz]ation|bearer|csrf|session(?!s$)|credential"
    r"|private|api_?key|data_?key|note|holder|surname|given_?name|document_?number|mrz|birth|nationality"
    r"|image_?bytes|jpeg|face(?!s_held)|photo|body|payload|form\b|query)"
)
"""Fields whose value is never shown, whatever it is."""

_HASHES = re.compile(r"(?i)(sha256|hash|head|root|key_?id)$")
"""Fields that may hold 64 hexadecimal digits: they name a file or an entry, and open nothing."""

_SHAPES = (
    re.compile(r"(?i)(?P<kept>\b(?:bearer|basic)\s+)[^\s\"',;]+"),
    re.compile(
        r"(?i)(?P<kept>\b(?:password|passwd|token|secret|cookie|authorization|csrf\w*|passenger_lane_\w+)"
        r"[\"']?\s*[=:]\s*)(?:\"[^\"]*\"|'[^']*'|[^\s&;,]+)"
    ),
    re.compile(r"(?P<kept>://)[^/\s@]+(?=@)"),
    # As bytes that became text, as the text of bytes, and as base64.
    re.compile(r"(?s)\xff\xd8\xff.*"),
    re.compile(r"(?s)(?:\\+xff\\+xd8|\\+u00ff\\+u00d8|\ufffd\ufffd\ufffd\ufffd).*"),
    re.compile(r"/9j/[A-Za-z0-9+/=_-]*"),
    re.compile(r"\$argon2\w*\$\S+"),
    re.compile(r"-----BEGIN [A-Z ]*PRIVATE KEY-----(?s:.*)"),
    # Two lines of a document's machine-readable zone, or a part of one.
    re.compile(r"[A-Z0-9<]*<<[A-Z0-9<]*"),
    re.compile(r"(?<![A-Za-z0-9])[A-Z]{1,2}[0-9]{7,8}(?![A-Za-z0-9])"),
    # As long as our tokens are: 32 random bytes, as base64 for addresses.
    re.compile(r"(?<![A-Za-z0-9_-])(?![0-9a-f]{64}(?![A-Za-z0-9_-]))[A-Za-z0-9_-]{40,}"),
)
_HEX = re.compile(r"(?<![0-9a-zA-Z])[0-9a-f]{64}(?![0-9a-zA-Z])")
_MOST_CHARACTERS = 2000
_MOST_DEEP = 6


@dataclass(frozen=True, slots=True)
class Redaction:
    """Replaces in every field what must not be in a log; `known`: secrets of this desk, word for word."""

    known: tuple[str, ...] = ()

    def __call__(self, _logger: Any, _method: str, event: structlog.typing.EventDict) -> dict[str, Any]:
        return {self._clean(str(name)): self._field(str(name), value, 0) for name, value in event.items()}

    def _field(self, name: str, value: object, depth: int) -> object:
        if _NAMES.search(name) and not (value is None or isinstance(value, bool)):
            return REPLACED
        return self._value(value, depth, hashes=bool(_HASHES.search(name)))

    def _value(self, value: object, depth: int, *, hashes: bool = False) -> object:
        if value is None or isinstance(value, bool | int | float):
            return value
        if isinstance(value, bytes | bytearray | memoryview) or depth >= _MOST_DEEP:
            return REPLACED
        if isinstance(value, Mapping):
            return {
                self._clean(str(key)): self._field(str(key), part, depth + 1) for key, part in value.items()
            }
        if isinstance(value, list | tuple | set | frozenset):
            return [self._value(part, depth + 1, hashes=hashes) for part in value]
        if isinstance(value, BaseException):
            return type(value).__name__
        return self._clean(str(value), hashes=hashes)

    def _clean(self, text: str, *, hashes: bool = False) -> str:
        for secret in self.known:
            text = text.replace(secret, REPLACED)
        for shape in _SHAPES:
            text = shape.sub(lambda found: (found.groupdict().get("kept") or "") + REPLACED, text)
        text = text if hashes else _HEX.sub(REPLACED, text)
        return text if len(text) <= _MOST_CHARACTERS else f"{text[:_MOST_CHARACTERS]}…"


def frames_only(_logger: Any, _method: str, event: structlog.typing.EventDict) -> structlog.typing.EventDict:
    """An exception as its kinds and places: its text could carry what a request said."""
    error = event.pop("exc_info", None)
    event.pop("stack_info", None)
    error = sys.exception() if error is True else error[1] if isinstance(error, tuple) else error
    if isinstance(error, BaseException):
        event["exception"] = [_describe(one) for one in _chain(error)]
    return event


def first_line(_logger: Any, _method: str, event: structlog.typing.EventDict) -> structlog.typing.EventDict:
    """The first line of other packages' messages: asyncio puts an exception's text into the next ones."""
    event["event"] = str(event.get("event", "")).partition("\n")[0]
    return event


def _chain(error: BaseException) -> list[BaseException]:
    """The exception, and those that it came from; the last first."""
    found: list[BaseException] = []
    one: BaseException | None = error
    while one is not None and one not in found:
        found.append(one)
        one = one.__cause__ or (None if one.__suppress_context__ else one.__context__)
    return found


def _describe(error: BaseException) -> str:
    places = [
        f"{place.filename}:{place.lineno} {place.name}" for place in traceback.extract_tb(error.__traceback__)
    ]
    return " < ".join([type(error).__name__, *reversed(places[-12:])])


def configure(level: str, known: tuple[str, ...] = ()) -> None:
    """Send the desk's and the server's log to standard error; `known`: secrets that never come into it."""
    shared: list[structlog.typing.Processor] = [
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
    ]
    structlog.configure(
        processors=[*shared, structlog.stdlib.ProcessorFormatter.wrap_for_formatter],
        logger_factory=structlog.stdlib.LoggerFactory(),
        wrapper_class=structlog.stdlib.BoundLogger,
        cache_logger_on_first_use=False,
    )
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=[*shared, structlog.stdlib.add_logger_name, first_line],
            processors=[
                structlog.stdlib.ProcessorFormatter.remove_processors_meta,
                frames_only,
                Redaction(known),
                structlog.processors.JSONRenderer(ensure_ascii=False),
            ],
        )
    )
    root = logging.getLogger()
    root.handlers[:] = [handler]
    # Loggers of other packages log what passes through them, forms with passwords too: only their warnings.
    root.setLevel(logging.WARNING)
    logging.getLogger("api").setLevel(level.upper())
    threading.excepthook = _thread_died


def _thread_died(died: threading.ExceptHookArgs) -> None:
    """Python would print the exception with its text."""
    log.error("a thread died", exc_info=died.exc_value)
