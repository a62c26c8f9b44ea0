"""Logs: one JSON object a line on standard error; never a face, name, token, password or document.

Only fields that `log` calls name are logged; no request is ever echoed. What looks like a secret all the
same is replaced (`api/serving/redaction.py`), and of an exception only its kind and place are logged.
"""

import logging
import sys
import threading

import structlog

from api.serving.redaction import Redaction, first_line, frames_only

log = structlog.get_logger(__name__)


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
