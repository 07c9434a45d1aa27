"""The shape in which Claude answers with a draft, as JSON schema for it and as validation for us."""

import html
from datetime import UTC, datetime
from typing import Any

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field, JsonValue

from app.domain.actions.model import ControlType
from app.domain.drafting.written import Written, WrittenFactor, WrittenItem, WrittenLine, WrittenSentence
from app.domain.learning.taxonomy import FACTORS

_CODES: list[JsonValue] = [factor.code for factor in FACTORS]


class _Part(BaseModel):
    model_config = ConfigDict(extra="forbid")


class _Statement(_Part):
    text: str = Field(description="One sentence.")
    source_ids: list[str] = Field(description="The ids of the evidence that says it.")

    def written(self) -> WrittenSentence:
        return WrittenSentence(self.text, tuple(html.unescape(id) for id in self.source_ids))


class _Line(_Part):
    at: AwareDatetime = Field(description="When it happened, UTC.")
    what: _Statement

    def written(self) -> WrittenLine:
        return WrittenLine(_utc(self.at), self.what.written())


class _Factor(_Part):
    code: str = Field(json_schema_extra={"enum": _CODES})
    why: _Statement

    def written(self) -> WrittenFactor:
        return WrittenFactor(self.code, self.why.written())


class _Item(_Part):
    title: str = Field(description="The change, in the imperative.")
    control_type: ControlType
    systemic: bool = Field(description="Whether it helps more services than this one.")
    owner: str | None = Field(description="The team or role that does it, never a person's name.")
    why: _Statement

    def written(self) -> WrittenItem:
        return WrittenItem(self.title, self.control_type, self.systemic, self.owner, self.why.written())


class DraftAnswer(_Part):
    """The five parts; in this order, so that they can be told as they come."""

    summary: list[_Statement]
    timeline: list[_Line]
    root_cause: list[_Statement]
    factors: list[_Factor]
    items: list[_Item]

    def written(self) -> Written:
        return Written(
            tuple(one.written() for one in self.summary),
            tuple(one.written() for one in self.timeline),
            tuple(one.written() for one in self.root_cause),
            tuple(one.written() for one in self.factors),
            tuple(one.written() for one in self.items),
        )


PARTS = tuple(DraftAnswer.model_fields)
SCHEMA: dict[str, Any] = DraftAnswer.model_json_schema()


def _utc(at: datetime) -> datetime:
    return at.astimezone(UTC)
