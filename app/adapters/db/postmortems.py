"""Postmortems as rows: one with its timeline, factors and signatures is read and written as a whole."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import date, datetime
from typing import Any
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import insert

from app.adapters.db.statements import Row, Statements, table
from app.adapters.db.tables import (
    PostmortemFactorRow,
    PostmortemRow,
    PublicationRow,
    SignOffRow,
    TimelineEntryRow,
)
from app.adapters.db.visibility import visible_to
from app.domain.access import Caller
from app.domain.errors import NotFound
from app.domain.postmortems.content import (
    ContributingFactor,
    Forum,
    Review,
    Section,
    SectionName,
    TimelineEntry,
    TimelineKind,
    Why,
)
from app.domain.postmortems.model import (
    Audience,
    Postmortem,
    PostmortemStatus,
    Publication,
    SignOff,
    Tier,
    TierOverride,
    Waiver,
)

_postmortems, _entries = table(PostmortemRow), table(TimelineEntryRow)
_factors, _sign_offs, _publications = table(PostmortemFactorRow), table(SignOffRow), table(PublicationRow)


class SqlPostmortems:
    """Postmortems in the current transaction."""

    def __init__(self, statements: Statements) -> None:
        self._run = statements

    async def get(self, id: UUID, caller: Caller) -> Postmortem:
        visible = visible_to(caller, _postmortems.c.incident_id)
        statement = sa.select(_postmortems).where(_postmortems.c.id == id, visible).with_for_update()
        row = await self._run.first(statement)
        if row is None:
            raise NotFound(f"There is no postmortem with the id {id}.")
        return await self._with_children(row)

    async def find_by_incident(self, incident_id: UUID) -> Postmortem | None:
        row = await self._run.first(sa.select(_postmortems).where(_postmortems.c.incident_id == incident_id))
        return await self._with_children(row) if row is not None else None

    async def add(self, postmortem: Postmortem) -> None:
        await self._run.insert(_postmortems, to_row(postmortem))
        await self._write_children(postmortem)

    async def save(self, postmortem: Postmortem) -> Postmortem:
        await self._run.update(_postmortems, postmortem.id, postmortem.version, to_row(postmortem))
        await self._write_children(postmortem)
        return replace(postmortem, version=postmortem.version + 1)

    async def publish(self, postmortem_id: UUID, publication: Publication) -> None:
        await self._run.insert(
            _publications,
            {
                "postmortem_id": postmortem_id,
                "number": publication.number,
                "content_hash": publication.content_hash,
                "content": dict(publication.content),
                "audience": publication.audience,
                "signed_by_id": publication.signed_by_id,
                "published_at": publication.published_at,
            },
        )

    async def latest_publication(self, postmortem_id: UUID) -> Publication | None:
        of_it = sa.select(_publications).where(_publications.c.postmortem_id == postmortem_id)
        row = await self._run.first(of_it.order_by(_publications.c.number.desc()).limit(1))
        if row is None:
            return None
        names = ("number", "content_hash", "content", "signed_by_id", "published_at")
        return Publication(**{name: row[name] for name in names}, audience=Audience(row["audience"]))

    async def _with_children(self, row: Row) -> Postmortem:
        entries = await self._children(_entries, row["id"], _entries.c.occurred_at, _entries.c.id)
        factors = await self._children(_factors, row["id"], _factors.c.code)
        sign_offs = await self._children(_sign_offs, row["id"], _sign_offs.c.at, _sign_offs.c.id)
        return replace(
            to_postmortem(row),
            timeline=tuple(map(_to_entry, entries)),
            factors=tuple(ContributingFactor(one["code"], one["sub_code"], one["why"]) for one in factors),
            sign_offs=tuple(SignOff(o["id"], o["person_id"], o["content_hash"], o["at"]) for o in sign_offs),
        )

    async def _children(self, children: sa.Table, postmortem_id: UUID, *order: sa.ColumnElement[Any]) -> Sequence[Row]:
        of_it = children.c.postmortem_id == postmortem_id
        return await self._run.all(sa.select(children).where(of_it).order_by(*order))

    async def _write_children(self, postmortem: Postmortem) -> None:
        """Write what differs; the caller holds the postmortem's row, so nobody else does."""
        id = postmortem.id
        await self._sync(_entries, id, "id", [_entry_row(id, entry) for entry in postmortem.timeline])
        await self._sync(_factors, id, "code", [_factor_row(id, factor) for factor in postmortem.factors])
        await self._sync(_sign_offs, id, "id", [_sign_off_row(id, signature) for signature in postmortem.sign_offs])

    async def _sync(self, children: sa.Table, postmortem_id: UUID, key: str, rows: Sequence[Mapping[str, Any]]) -> None:
        stored = {row[key]: dict(row) for row in await self._children(children, postmortem_id)}
        gone = stored.keys() - {row[key] for row in rows}
        changed = [row for row in rows if stored.get(row[key]) != row]
        if gone:
            of_it = children.c.postmortem_id == postmortem_id
            await self._run.execute(sa.delete(children).where(of_it, children.c[key].in_(list(gone))))
        if changed:
            upsert = insert(children)
            keys = [column.name for column in children.primary_key]
            values = {column.name: upsert.excluded[column.name] for column in children.c if column.name not in keys}
            await self._run.execute(upsert.on_conflict_do_update(index_elements=keys, set_=values), changed)


_PLAIN = (
    "id", "version", "created_at", "updated_at", "incident_id", "author_id", "facilitator_id", "due_on", "published_at",
    "published_number",
)  # fmt: skip


def to_postmortem(row: Row) -> Postmortem:
    """The entity behind a row, without its children."""
    plain = {name: row[name] for name in _PLAIN}
    return Postmortem(
        **plain,
        status=PostmortemStatus(row["status"]),
        proposed_tier=Tier(row["proposed_tier"]),
        tier_reasons=tuple(row["tier_reasons"]),
        override=_to_override(row["override"]),
        sections={SectionName(name): Section(**section) for name, section in row["sections"].items()},
        whys=tuple(Why(why["text"], _to_id(why["confirmed_by_id"])) for why in row["whys"]),
        phase_explanations={TimelineKind(kind): text for kind, text in row["phase_explanations"].items()},
        linked_item_ids=tuple(map(UUID, row["linked_item_ids"])),
        review=_to_review(row["review"]),
        waiver=_to_waiver(row["waiver"]),
    )


def to_row(postmortem: Postmortem) -> dict[str, Any]:
    """The row behind an entity."""
    override, review, waiver = postmortem.override, postmortem.review, postmortem.waiver
    return {name: getattr(postmortem, name) for name in _PLAIN} | {
        "status": postmortem.status,
        "tier": int(postmortem.tier),
        "proposed_tier": int(postmortem.proposed_tier),
        "tier_reasons": list(postmortem.tier_reasons),
        "override": override and {"tier": int(override.tier), **_decision(override)},
        "sections": {name: _section(section) for name, section in postmortem.sections.items()},
        "whys": [
            {"text": why.text, "confirmed_by_id": str(why.confirmed_by_id) if why.confirmed_by_id else None}
            for why in postmortem.whys
        ],
        "phase_explanations": dict(postmortem.phase_explanations),
        "linked_item_ids": [str(id) for id in postmortem.linked_item_ids],
        "review": review and {"held_on": review.held_on.isoformat(), "forum": review.forum},
        "waiver": waiver and _decision(waiver),
    }


def _section(section: Section) -> dict[str, Any]:
    return {"text": section.text, "machine_written": section.machine_written, "reviewed": section.reviewed}


def _decision(made: TierOverride | Waiver) -> dict[str, Any]:
    return {"reason": made.reason, "by_id": str(made.by_id), "at": made.at.isoformat()}


def _to_id(value: str | None) -> UUID | None:
    return UUID(value) if value else None


def _to_override(value: dict[str, Any] | None) -> TierOverride | None:
    if value is None:
        return None
    at = datetime.fromisoformat(value["at"])
    return TierOverride(Tier(value["tier"]), value["reason"], UUID(value["by_id"]), at)


def _to_waiver(value: dict[str, Any] | None) -> Waiver | None:
    if value is None:
        return None
    return Waiver(value["reason"], UUID(value["by_id"]), datetime.fromisoformat(value["at"]))


def _to_review(value: dict[str, Any] | None) -> Review | None:
    return Review(date.fromisoformat(value["held_on"]), Forum(value["forum"])) if value is not None else None


def _to_entry(row: Row) -> TimelineEntry:
    return TimelineEntry(
        id=row["id"],
        occurred_at=row["occurred_at"],
        recorded_at=row["recorded_at"],
        kind=TimelineKind(row["kind"]),
        text=row["text"],
        source=row["source"],
        machine_written=row["machine_written"],
        pinned=row["pinned"],
    )


def _entry_row(postmortem_id: UUID, entry: TimelineEntry) -> dict[str, Any]:
    return {
        "id": entry.id,
        "postmortem_id": postmortem_id,
        "occurred_at": entry.occurred_at,
        "recorded_at": entry.recorded_at,
        "kind": entry.kind,
        "text": entry.text,
        "source": entry.source,
        "machine_written": entry.machine_written,
        "pinned": entry.pinned,
    }


def _factor_row(postmortem_id: UUID, factor: ContributingFactor) -> dict[str, Any]:
    return {"postmortem_id": postmortem_id, "code": factor.code, "sub_code": factor.sub_code, "why": factor.why}


def _sign_off_row(postmortem_id: UUID, signature: SignOff) -> dict[str, Any]:
    return {
        "id": signature.id,
        "postmortem_id": postmortem_id,
        "person_id": signature.person_id,
        "content_hash": signature.content_hash,
        "at": signature.at,
    }
