"""Logs: one JSON object a line on stderr, secrets taken out."""

import logging
import re
import sys
from collections.abc import MutableMapping
from typing import Any

import structlog

_SECRET = re.compile(r"nr_[0-9A-Za-z]+_[0-9A-Za-z]+|(?:gh[pousr]|github_pat)_[0-9A-Za-z_]{10,}|://[^/\s:@]+:[^@\s]+@")


def configure_logging(level: str) -> None:
    """Everything that logs, ours and the libraries', goes through the same lines."""
    shared: list[structlog.types.Processor] = [
        structlog.contextvars.merge_contextvars,
        structlog.processors.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        structlog.processors.format_exc_info,
        without_secrets,
    ]
    formatter = structlog.stdlib.ProcessorFormatter(
        foreign_pre_chain=shared,
        processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, structlog.processors.JSONRenderer()],
    )
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(formatter)
    logging.basicConfig(handlers=[handler], level=level.upper(), force=True)
    structlog.configure(
        processors=[*shared, structlog.stdlib.ProcessorFormatter.wrap_for_formatter],
        logger_factory=structlog.stdlib.LoggerFactory(),
        cache_logger_on_first_use=True,
    )


def without_secrets(_logger: Any, _name: str, line: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
    """Keys, tokens and passwords never reach a log, wherever in a line they stand."""
    return {key: _SECRET.sub("***", value) if isinstance(value, str) else value for key, value in line.items()}
