"""Drafts and transcripts as rows; what is inside them is written and read as a whole."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime
from typing import Any
from uuid import UUID

import sqlalchemy as sa
from pydantic import TypeAdapter

from app.adapters.db.statements import Row, Statements, table
from app.adapters.db.tables import DraftRow, TranscriptRow
from app.adapters.db.visibility import visible_to
from app.domain.access import Caller
from app.domain.drafting.evidence import Bundle, Dropped, Evidence, SourceReport
from app.domain.drafting.model import RUNNING, Decision, Draft, DraftRunning, DraftState
from app.domain.drafting.proposal import Contradiction, ProposedEntry, ProposedSections, ProposedTimeline
from app.domain.drafting.transcripts import Transcript, TranscriptFormat
from app.domain.errors import AlreadyExists, NotFound
from app.domain.gathering import SourceFact

_drafts, _transcripts = table(DraftRow), table(TranscriptRow)
_EVIDENCE, _DROPPED = TypeAdapter(tuple[Evidence, ...]), TypeAdapter(tuple[Dropped, ...])
_SOURCES, _ENTRIES = TypeAdapter(tuple[SourceReport, ...]), TypeAdapter(tuple[ProposedEntry, ...])
_CONTRADICTIONS, _SECTIONS = TypeAdapter(tuple[Contradiction, ...]), TypeAdapter(ProposedSections)
_DECISIONS, _FACTS = TypeAdapter(dict[str, Decision]), TypeAdapter(tuple[SourceFact, ...])
_RUNNING = _drafts.c.state.in_([str(state) for state in RUNNING])


class SqlDrafts:
    """Drafts in the current transaction."""

    def __init__(self, statements: Statements) -> None:
        self._run = statements
        self.added = False

    async def get(self, id: UUID, caller: Caller) -> Draft:
        visible = visible_to(caller, _drafts.c.incident_id)
        row = await self._run.first(sa.select(_drafts).where(_drafts.c.id == id, visible).with_for_update())
        if row is None:
            raise NotFound(f"There is no draft with the id {id}.")
        return _to_draft(row)

    async def add(self, draft: Draft) -> None:
        try:
            await self._run.insert(_drafts, {"id": draft.id, "version": draft.version, **_of_draft(draft)})
        except AlreadyExists as error:
            raise DraftRunning from error
        self.added = True

    async def save(self, draft: Draft) -> Draft:
        await self._run.update(_drafts, draft.id, draft.version, _of_draft(draft))
        return replace(draft, version=draft.version + 1)

    async def running_of(self, postmortem_id: UUID) -> bool:
        statement = sa.select(_drafts.c.id).where(_drafts.c.postmortem_id == postmortem_id, _RUNNING)
        return await self._run.first(statement) is not None

    async def due(self, now: datetime) -> tuple[UUID, ...]:
        statement = sa.select(_drafts.c.id).where(_due(now)).order_by(_drafts.c.created_at)
        return tuple(row["id"] for row in await self._run.all(statement))

    async def claim(self, id: UUID, now: datetime) -> Draft | None:
        statement = sa.select(_drafts).where(_drafts.c.id == id, _due(now)).with_for_update(skip_locked=True)
        row = await self._run.first(statement)
        return None if row is None else _to_draft(row)

    async def hold(self, id: UUID, until: datetime) -> None:
        await self._run.execute(sa.update(_drafts).where(_drafts.c.id == id, _RUNNING).values(lease_until=until))

    async def count_transcripts(self, postmortem_id: UUID) -> int:
        counted = sa.select(sa.func.count()).where(_transcripts.c.postmortem_id == postmortem_id)
        return int(await self._run.scalar(counted))

    async def add_transcript(self, transcript: Transcript) -> None:
        await self._run.insert(
            _transcripts,
            {name: getattr(transcript, name) for name in _TRANSCRIPT}
            | {
                "starts_at": transcript.starts_at,
                "ends_at": transcript.ends_at,
                "messages": len(transcript.facts),
                "facts": _FACTS.dump_python(transcript.facts, mode="json"),
            },
        )

    async def transcripts(self, postmortem_id: UUID) -> tuple[Transcript, ...]:
        statement = sa.select(_transcripts).where(_transcripts.c.postmortem_id == postmortem_id)
        rows: Sequence[Row] = await self._run.all(statement.order_by(_transcripts.c.created_at))
        return tuple(_to_transcript(row) for row in rows)


def _due(now: datetime) -> sa.ColumnElement[bool]:
    free = sa.or_(_drafts.c.lease_until.is_(None), _drafts.c.lease_until <= now)
    return sa.and_(_RUNNING, free)


_SAME = (
    "postmortem_id", "incident_id", "created_at", "updated_at", "requested_by", "attempts", "lease_until", "error",
)  # fmt: skip
_TRANSCRIPT = (
    "id", "postmortem_id", "incident_id", "created_at", "uploaded_by", "name", "format", "left_out",
)  # fmt: skip


def _of_draft(draft: Draft) -> dict[str, Any]:
    bundle = draft.bundle
    return {name: getattr(draft, name) for name in _SAME} | {
        "state": draft.state,
        "evidence": _EVIDENCE.dump_python(bundle.evidence, mode="json"),
        "dropped": _DROPPED.dump_python(bundle.dropped, mode="json"),
        "sources": _SOURCES.dump_python(bundle.sources, mode="json"),
        "redactions": dict(bundle.redactions),
        "timeline": _ENTRIES.dump_python(draft.timeline.entries, mode="json"),
        "contradictions": _CONTRADICTIONS.dump_python(draft.timeline.contradictions, mode="json"),
        "sections": _SECTIONS.dump_python(draft.sections, mode="json"),
        "decisions": _DECISIONS.dump_python(dict(draft.decided), mode="json"),
    }


def _to_draft(row: Row) -> Draft:
    evidence, dropped = _EVIDENCE.validate_python(row["evidence"]), _DROPPED.validate_python(row["dropped"])
    return Draft(
        id=row["id"],
        version=row["version"],
        **{name: row[name] for name in _SAME},
        state=DraftState(row["state"]),
        bundle=Bundle(evidence, dropped, _SOURCES.validate_python(row["sources"]), row["redactions"]),
        timeline=ProposedTimeline(
            _ENTRIES.validate_python(row["timeline"]), _CONTRADICTIONS.validate_python(row["contradictions"])
        ),
        sections=_SECTIONS.validate_python(row["sections"]),
        decisions=_DECISIONS.validate_python(row["decisions"]),
    )


def _to_transcript(row: Row) -> Transcript:
    same = {name: row[name] for name in _TRANSCRIPT}
    return Transcript(**same | {"format": TranscriptFormat(row["format"])}, facts=_FACTS.validate_python(row["facts"]))
