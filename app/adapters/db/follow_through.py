"""What the rules of time ask about: items and postmortems that may break one, and the findings about them."""

from collections.abc import Sequence
from datetime import date
from typing import cast
from uuid import UUID

import sqlalchemy as sa

from app.adapters.db.action_items import to_item
from app.adapters.db.findings import to_finding
from app.adapters.db.organisation import to_team
from app.adapters.db.statements import Row, Statements, table
from app.adapters.db.tables import (
    ActionItemRow,
    CheckRow,
    FindingRow,
    IncidentRow,
    PostmortemRow,
    ServiceRow,
    TeamRow,
    TicketRow,
)
from app.domain.actions.evidence import Verdict
from app.domain.actions.model import Status
from app.domain.follow_through.model import Finding, FindingCode
from app.domain.follow_through.rules import COMMITTED, UNDER_WAY, ItemFacts, PostmortemFacts
from app.domain.incidents.model import CauseStatus
from app.domain.learning.taxonomy import UNDETERMINED_ID
from app.domain.organisation.model import Team
from app.domain.postmortems.model import PostmortemStatus

_items, _tickets, _checks = table(ActionItemRow), table(TicketRow), table(CheckRow)
_findings, _incidents, _postmortems = table(FindingRow), table(IncidentRow), table(PostmortemRow)
_services, _teams = table(ServiceRow), table(TeamRow)
_TEAM = [column.label(f"team__{column.name}") for column in _teams.c]


class SqlFollowThrough:
    """Facts for the rules, in the current transaction."""

    def __init__(self, statements: Statements) -> None:
        self._run = statements

    async def items(
        self, codes: Sequence[FindingCode], day: date, after: UUID | None, limit: int
    ) -> tuple[ItemFacts, ...]:
        ticketed = sa.exists().where(_tickets.c.action_item_id == _items.c.id)
        judged = sa.exists().where(
            _checks.c.action_item_id == _items.c.id,
            _checks.c.ran_at >= _items.c.implemented_at,
            _checks.c.verdict.in_([Verdict.PASSED, Verdict.FAILED]),
        )
        missing = sa.or_(_items.c.owner_id.is_(None), _items.c.due_on.is_(None), ~ticketed)
        suspect = sa.or_(
            sa.and_(_items.c.status.in_(COMMITTED), missing),
            sa.and_(_items.c.status.in_(UNDER_WAY), _items.c.committed_due_on < day),
            sa.and_(_items.c.status == Status.IMPLEMENTED, _items.c.evidence_due_on < day),
            sa.and_(_items.c.status == Status.DECLINED, _items.c.decline["next_review_at"].astext < day.isoformat()),
            _reported(_items.c.id, codes),
        )
        statement = (
            sa.select(_items, ticketed.label("has_ticket"), judged.label("has_verdict"), *_TEAM)
            .outerjoin(_teams, _teams.c.id == _items.c.team_id)
            .where(suspect, *_after(_items.c.id, after))
        )
        rows = await self._run.all(statement.order_by(_items.c.id).limit(limit))
        return tuple(ItemFacts(to_item(row), _team(row), row["has_ticket"], row["has_verdict"]) for row in rows)

    async def postmortems(
        self, codes: Sequence[FindingCode], day: date, after: UUID | None, limit: int
    ) -> tuple[PostmortemFacts, ...]:
        is_over = sa.or_(_postmortems.c.published_number > 0, _postmortems.c.status == PostmortemStatus.WAIVED)
        late = sa.and_(_postmortems.c.due_on < day, ~is_over)
        statement = (
            sa.select(
                _postmortems.c.id, _postmortems.c.incident_id, _postmortems.c.due_on, _postmortems.c.author_id,
                _incidents.c.title, is_over.label("is_over"), *_TEAM,
            )
            .join(_incidents, _incidents.c.id == _postmortems.c.incident_id)
            .outerjoin(_services, _services.c.id == _incidents.c.primary_service_id)
            .outerjoin(_teams, _teams.c.id == _services.c.team_id)
            .where(sa.or_(late, _reported(_postmortems.c.id, codes)), *_after(_postmortems.c.id, after))
        )  # fmt: skip
        rows = await self._run.all(statement.order_by(_postmortems.c.id).limit(limit))
        return tuple(_postmortem(row) for row in rows)

    async def findings(self, codes: Sequence[FindingCode], subject_ids: Sequence[UUID]) -> tuple[Finding, ...]:
        telling = sa.or_(_findings.c.closed_at.is_(None), _findings.c.dismissed_by_id.is_not(None))
        among = _findings.c.subject_id == sa.any_(sa.literal(list(subject_ids), sa.ARRAY(sa.Uuid)))
        statement = sa.select(_findings).where(_findings.c.code.in_(codes), among, telling)
        return tuple(map(to_finding, await self._run.all(statement.order_by(_findings.c.id).with_for_update())))

    async def determined(self, limit: int) -> tuple[Finding, ...]:
        still = sa.and_(
            _incidents.c.root_cause_id == UNDETERMINED_ID, _incidents.c.root_cause_status == CauseStatus.CONFIRMED
        )
        statement = (
            sa.select(_findings)
            .join(_incidents, _incidents.c.id == _findings.c.subject_id)
            .where(
                _findings.c.code == FindingCode.CAUSE_UNDETERMINED,
                _findings.c.closed_at.is_(None),
                sa.not_(sa.func.coalesce(still, sa.false())),
            )
            .limit(limit)
            .with_for_update(of=_findings)
        )
        return tuple(map(to_finding, await self._run.all(statement)))


def _reported(id: sa.ColumnElement[UUID], codes: Sequence[FindingCode]) -> sa.ColumnElement[bool]:
    open = sa.select(_findings.c.subject_id).where(_findings.c.code.in_(codes), _findings.c.closed_at.is_(None))
    return id.in_(open)


def _after(id: sa.ColumnElement[UUID], after: UUID | None) -> list[sa.ColumnElement[bool]]:
    return [] if after is None else [id > after]


def _team(row: Row) -> Team | None:
    given = {name.removeprefix("team__"): row[name] for name in row if name.startswith("team__")}
    return to_team(cast(Row, given)) if given["id"] is not None else None


def _postmortem(row: Row) -> PostmortemFacts:
    return PostmortemFacts(
        row["id"], row["incident_id"], row["title"], row["due_on"], row["author_id"], _team(row), row["is_over"]
    )
