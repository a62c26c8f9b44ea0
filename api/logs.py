"""Logs: one JSON object a line on standard error; never a face, name, token, password or document.

What is logged is what `log` calls name as fields; nothing is logged by echoing a request.
"""

import logging
import sys

import structlog


def configure(level: str) -> None:
    """Send the desk's and the server's log to standard error."""
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
            foreign_pre_chain=shared,
            processors=[
                structlog.stdlib.ProcessorFormatter.remove_processors_meta,
                structlog.processors.format_exc_info,
                structlog.processors.JSONRenderer(ensure_ascii=False),
            ],
        )
    )
    root = logging.getLogger()
    root.handlers[:] = [handler]
    # Other people's loggers tell what passes through them, forms with passwords too: from them, trouble only.
    root.setLevel(logging.WARNING)
    logging.getLogger("api").setLevel(level.upper())
