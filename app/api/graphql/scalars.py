"""Scalars whose output is what the database wrote, so that REST and GraphQL show the same text."""

from collections.abc import Callable
from datetime import date, datetime
from typing import Any
from uuid import UUID

import strawberry
from pydantic import TypeAdapter, ValidationError
from strawberry.types.scalar import ScalarDefinition

from app.api.schemas import Instant


def _written(value: Any) -> str:
    return value if isinstance(value, str) else value.isoformat() if isinstance(value, date) else str(value)


def _reader(type_: Any, words: str) -> Callable[[Any], Any]:
    adapter = TypeAdapter[Any](type_)

    def read(value: Any) -> Any:
        if not isinstance(value, str):
            raise ValueError(f"Expected {words} as a string.")
        try:
            return adapter.validate_python(value)
        except ValidationError as error:
            raise ValueError(f"Expected {words}.") from error

    return read


def _scalar(name: str, type_: Any, words: str) -> ScalarDefinition:
    return strawberry.scalar(
        name=name, description=f"{words[0].upper()}{words[1:]}.", serialize=_written, parse_value=_reader(type_, words)
    )


SCALARS: dict[object, ScalarDefinition] = {
    datetime: _scalar("DateTime", Instant, "an instant as RFC 3339 has it, with an offset, in the years 1970 to 2200"),
    date: _scalar("Date", date, "a date such as 2026-01-31"),
    UUID: _scalar("UUID", UUID, "a UUID"),
}
