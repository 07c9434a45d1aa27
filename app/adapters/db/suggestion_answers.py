"""People's answers to suggestions as rows."""

from dataclasses import replace
from typing import Any
from uuid import UUID

import sqlalchemy as sa

from app.adapters.db.statements import Row, Statements, table
from app.adapters.db.tables import SuggestionAnswerRow
from app.domain.learning.suggestions import Suggested, SuggestionAnswer, SuggestionVerdict

_answers = table(SuggestionAnswerRow)
_SUGGESTED = ("factor_code", "root_cause_id", "similar_incident_id")
_PLAIN = ("id", "incident_id", "answered_by_id", "created_at", "updated_at", "confidence", "version")


class SqlSuggestionAnswers:
    """Answers in the current transaction."""

    def __init__(self, statements: Statements) -> None:
        self._run = statements

    async def find(self, incident_id: UUID, suggested: Suggested) -> SuggestionAnswer | None:
        same = [_answers.c[name].is_not_distinct_from(getattr(suggested, name)) for name in _SUGGESTED]
        row = await self._run.first(sa.select(_answers).where(_answers.c.incident_id == incident_id, *same))
        return None if row is None else _to_answer(row)

    async def add(self, answer: SuggestionAnswer) -> None:
        await self._run.insert(_answers, _of_answer(answer))

    async def save(self, answer: SuggestionAnswer) -> SuggestionAnswer:
        await self._run.update(_answers, answer.id, answer.version, _of_answer(answer))
        return replace(answer, version=answer.version + 1)


def _to_answer(row: Row) -> SuggestionAnswer:
    return SuggestionAnswer(
        **{name: row[name] for name in _PLAIN},
        suggested=Suggested(**{name: row[name] for name in _SUGGESTED}),
        verdict=SuggestionVerdict(row["verdict"]),
    )


def _of_answer(answer: SuggestionAnswer) -> dict[str, Any]:
    suggested = {name: getattr(answer.suggested, name) for name in _SUGGESTED}
    plain = {name: getattr(answer, name) for name in _PLAIN}
    return plain | suggested | {"kind": answer.suggested.kind, "verdict": answer.verdict}
