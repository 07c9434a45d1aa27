"""What goes over the wire, shared by every resource: strict bodies, safe texts, pages."""

import re
from collections.abc import Mapping
from datetime import UTC, date, datetime
from typing import Annotated, Any, Generic, TypeVar
from uuid import UUID

from pydantic import AfterValidator, AwareDatetime, BaseModel, BeforeValidator, ConfigDict, Field, StringConstraints

T = TypeVar("T")


def _storable(text: str) -> str:
    """PostgreSQL's text holds neither NUL nor half a surrogate pair."""
    if "\x00" in text or any("\ud800" <= c <= "\udfff" for c in text):
        raise ValueError("holds a character that text cannot hold (NUL or a lone surrogate)")
    return text


def _in_utc(at: datetime) -> datetime:
    if not 1970 <= at.year <= 2200:
        raise ValueError("lies outside the years 1970 to 2200")
    return at.astimezone(UTC)


def _written(value: object) -> object:
    """A date or instant is written as text; a bare number says neither its unit nor its zone."""
    if (isinstance(value, str) and not re.match(r"\d{4}-\d{2}-\d{2}", value)) or isinstance(value, int | float):
        raise ValueError("must be written as a date, such as 2026-05-04 or 2026-05-04T09:30:00Z")
    return value


_Safe = AfterValidator(_storable)
Slug = Annotated[
    str, StringConstraints(pattern=r"^[a-z0-9][a-z0-9-]{0,99}$"), Field(description="Lower case, digits, hyphens.")
]
Title = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=300), _Safe]
Text = Annotated[str, StringConstraints(max_length=50_000), _Safe]
Line = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=500), _Safe]
Email = Annotated[
    str,
    StringConstraints(strip_whitespace=True, to_lower=True, max_length=254, pattern=r"^[^@\s]+@[^@\s]+\.[^@\s]+$"),
    _Safe,
]
Url = Annotated[str, StringConstraints(strip_whitespace=True, max_length=2000, pattern=r"^https?://[^\s]+$"), _Safe]
Day = Annotated[date, BeforeValidator(_written), Field(description="YYYY-MM-DD.")]
Instant = Annotated[
    AwareDatetime, BeforeValidator(_written), AfterValidator(_in_utc), Field(description="RFC 3339 with an offset.")
]
Ref = Annotated[
    str,
    StringConstraints(strip_whitespace=True, min_length=1, max_length=254),
    _Safe,
    Field(description="An id, or the slug (of a person: the e-mail address)."),
]


class Body(BaseModel):
    """What a caller sends: unknown fields are refused."""

    model_config = ConfigDict(extra="forbid", strict=False, allow_inf_nan=False)

    def given(self) -> Mapping[str, Any]:
        """The fields that were sent, so that an absent field and a null differ."""
        return {name: getattr(self, name) for name in self.model_fields_set}

    def changes(self, *nullable: str) -> dict[str, Any]:
        """The fields that were sent; a null changes only what can be absent."""
        return {name: value for name, value in self.given().items() if value is not None or name in nullable}


class Out(BaseModel):
    """What a caller gets. The field names are also the selection that is read (`app/api/reading.py`)."""

    model_config = ConfigDict(extra="forbid")


Json = ConfigDict(extra="forbid", json_schema_extra={"x-column": "json"})
"""The `model_config` of an `Out` model that describes the inside of a JSON column."""


class Page(Out, Generic[T]):
    """A page of a list; `next_cursor` continues it, null at its end."""

    items: list[T]
    next_cursor: str | None = Field(description="Opaque; valid only with the filters and order it came with.")


class ServiceRef(Out):
    """A service, briefly."""

    id: UUID
    slug: str
    name: str


class TeamRef(Out):
    """A team, briefly."""

    id: UUID
    slug: str
    name: str


class PersonRef(Out):
    """A person, briefly."""

    id: UUID
    email: str
    name: str


class RootCauseRef(Out):
    """A root cause, briefly."""

    id: UUID
    slug: str
    title: str


class IncidentRef(Out):
    """An incident, briefly."""

    id: UUID
    title: str
    severity: str


class PatternRef(Out):
    """A pattern of a meta-review, briefly."""

    id: UUID
    key: str
    title: str
    period: str


class PostmortemRef(Out):
    """A postmortem, briefly."""

    id: UUID
    status: str
    tier: int
