"""Logs: one JSON object a line on stderr, secrets taken out."""

import logging
import re
import sys
from collections.abc import Mapping, MutableMapping
from typing import Any

import structlog

from app.adapters.trace_context import with_trace

_SECRET = re.compile(
    r"nr_[0-9A-Za-z]+_[0-9A-Za-z]+|(?:gh[pousr]|github_pat)_[0-9A-Za-z_]{10,}|://[^/\s:@]+:[^@\s]+@"
    r"|eyJ[\w-]{5,}\.[\w-]+\.[\w-]*|\b(?i:bearer|basic)\s+[\w.~+/=-]{8,}|\bwhsec_[\w+/=-]{8,}|\blin_(?:api|oauth)_\w{10,}"
    r"|\bsk-ant-[\w-]{10,}"
)
_SECRET_NAMES = re.compile(
    r"(?i)^(?:.*[_-])?(?:authorization|cookies?|passwords?|secrets?|tokens?|signatures?|(?:api|admin|encryption)[_-]?keys?)$"
)


def configure_logging(level: str) -> None:
    """Everything that logs, ours and the libraries', goes through the same lines."""
    shared: list[structlog.types.Processor] = [
        structlog.contextvars.merge_contextvars,
        with_trace,
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
    return {key: _without(key, value) for key, value in line.items()}


def _without(name: object, value: Any) -> Any:
    """Known by the name of its field, or by how it looks; however deep it stands."""
    if isinstance(name, str) and _SECRET_NAMES.match(name) and isinstance(value, str | bytes | list | tuple | dict):
        return "***"
    if isinstance(value, str):
        return _SECRET.sub("***", value)
    if isinstance(value, bytes):
        return _SECRET.sub("***", value.decode("utf-8", "replace"))
    if isinstance(value, Mapping):
        return {key: _without(key, one) for key, one in value.items()}
    if isinstance(value, list | tuple | set | frozenset):
        return [_without(None, one) for one in value]
    return _SECRET.sub("***", repr(value)) if isinstance(value, BaseException) else value
