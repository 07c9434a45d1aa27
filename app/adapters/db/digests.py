"""What digests tell, and the posts themselves; nothing that derives from a restricted incident."""

from collections.abc import Sequence
from dataclasses import fields
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import insert

from app.adapters.db.organisation import to_team
from app.adapters.db.statements import Row, Statements, table
from app.adapters.db.tables import ActionItemRow, ChatPostRow, CheckRow, FindingRow, PersonRow, TeamRow
from app.adapters.db.visibility import visible_to
from app.domain.access import Caller, Role
from app.domain.actions.evidence import Observation, Verdict
from app.domain.actions.model import Status
from app.domain.digests.model import ChatPost, Group, GroupName, Line, PostKind, PostState
from app.domain.follow_through.model import FindingCode, Step
from app.domain.follow_through.rules import COMMITTED, UNDER_WAY
from app.domain.organisation.model import Team

_posts, _items, _checks = table(ChatPostRow), table(ActionItemRow), table(CheckRow)
_findings, _people, _teams = table(FindingRow), table(PersonRow), table(TeamRow)
EVERYBODY = Caller(Role.READER)
"""Who is on no incident's list."""
FEED_DAYS = 90
_OPEN_TO_ALL = visible_to(EVERYBODY, _items.c.incident_id)
_PENDING = _posts.c.state == PostState.PENDING


class SqlDigests:
    """Digests in the current transaction."""

    def __init__(self, statements: Statements) -> None:
        self._run = statements

    async def teams(self) -> tuple[Team, ...]:
        statement = sa.select(_teams).where(_teams.c.chat_channel.is_not(None)).order_by(_teams.c.slug)
        return tuple(map(to_team, await self._run.all(statement)))

    async def add(self, post: ChatPost) -> bool:
        statement = insert(_posts).values(_to_row(post)).on_conflict_do_nothing(index_elements=["period_key"])
        return bool(await self._run.execute(statement))

    async def due(self, now: datetime, limit: int) -> tuple[UUID, ...]:
        statement = sa.select(_posts.c.id).where(_PENDING, *_free(now)).order_by(_posts.c.created_at).limit(limit)
        return tuple(row["id"] for row in await self._run.all(statement))

    async def claimable(self, id: UUID, now: datetime) -> ChatPost | None:
        statement = sa.select(_posts).where(_posts.c.id == id, _PENDING, *_free(now))
        row = await self._run.first(statement.with_for_update(skip_locked=True))
        return None if row is None else _to_post(row)

    async def save(self, post: ChatPost) -> None:
        await self._run.execute(sa.update(_posts).where(_posts.c.id == post.id).values(_to_row(post)))

    async def week(self, team: Team, start: datetime, end: datetime, limit: int) -> tuple[Group, ...]:
        today = end.date()
        closed = _items.c.closed_at.between(start, end) & (_items.c.status == Status.CLOSED)
        late = _items.c.status.in_(UNDER_WAY) & (_items.c.committed_due_on < today)
        risky = _items.c.status.in_(UNDER_WAY) & sa.not_(sa.func.coalesce(late, sa.false()))
        soon = (_items.c.due_on < today + timedelta(days=7)) | (_items.c.effective_priority == 1)
        return (
            await self._prevented(team, start, end, limit),
            await self._group(GroupName.CLOSED, team, closed, _items.c.closed_at.desc(), limit),
            await self._group(GroupName.OVERDUE, team, late, _items.c.committed_due_on.asc(), limit),
            await self._group(GroupName.AT_RISK, team, risky & soon, _items.c.risk.desc().nulls_last(), limit),
        )

    async def planning(self, team: Team, now: datetime, limit: int) -> tuple[Group, ...]:
        """As the sprint feed has it: created, reopened or recurred of late, and all that is overdue."""
        since = now - timedelta(days=FEED_DAYS)
        recent = [moment >= since for moment in (_items.c.created_at, _items.c.reopened_at, _items.c.cause_recurred_at)]
        late = _items.c.status.in_(UNDER_WAY) & (_items.c.committed_due_on < now.date())
        where = _items.c.status.in_(UNDER_WAY) & sa.or_(*recent, late)
        return (await self._group(GroupName.PLANNING, team, where, _items.c.risk.desc().nulls_last(), limit),)

    async def leadership(self, limit: int) -> tuple[Group, ...]:
        reached = sa.exists().where(
            _findings.c.code == FindingCode.ITEM_OVERDUE, _findings.c.subject_id == _items.c.id,
            _findings.c.closed_at.is_(None), _findings.c.step == int(Step.LEADERSHIP),
        )  # fmt: skip
        where = reached & _items.c.status.in_(COMMITTED)
        return (await self._group(GroupName.OVERDUE, None, where, _items.c.committed_due_on.asc(), limit),)

    async def _group(
        self, name: GroupName, team: Team | None, where: Any, order: sa.ColumnElement[Any], limit: int
    ) -> Group:
        mine = sa.true() if team is None else _items.c.team_id == team.id
        among = sa.and_(mine, where, _OPEN_TO_ALL)
        statement = (
            sa.select(_items, _people.c.name.label("owner"))
            .outerjoin(_people, _people.c.id == _items.c.owner_id)
            .where(among)
            .order_by(order, _items.c.id)
            .limit(limit)
        )
        lines = tuple(
            Line(row["id"], row["title"], row["owner"], _says(name, row)) for row in await self._run.all(statement)
        )
        total = await self._run.scalar(sa.select(sa.func.count()).select_from(_items).where(among))
        return Group(name, lines, int(total))

    async def _prevented(self, team: Team, start: datetime, end: datetime, limit: int) -> Group:
        where = sa.and_(
            _items.c.team_id == team.id, _OPEN_TO_ALL, _checks.c.verdict == Verdict.PASSED,
            _checks.c.observation == Observation.PREVENTED_INCIDENT,
            sa.func.coalesce(_checks.c.reviewed_at, _checks.c.ran_at).between(start, end),
        )  # fmt: skip
        joined = _checks.join(_items, _items.c.id == _checks.c.action_item_id)
        statement = (
            sa.select(_items.c.id, _items.c.title, _people.c.name.label("owner"), _checks.c.statement)
            .select_from(joined.outerjoin(_people, _people.c.id == _items.c.owner_id))
            .where(where)
            .order_by(_checks.c.ran_at.desc(), _checks.c.id)
        )
        rows: Sequence[Row] = await self._run.all(statement)
        lines = tuple(Line(row["id"], row["title"], row["owner"], row["statement"]) for row in rows[:limit])
        return Group(GroupName.PREVENTED, lines, len(rows))


def _free(now: datetime) -> list[sa.ColumnElement[bool]]:
    return [
        sa.or_(_posts.c.lease_until.is_(None), _posts.c.lease_until <= now),
        sa.or_(_posts.c.not_before.is_(None), _posts.c.not_before <= now),
    ]


def _says(name: GroupName, row: Row) -> str:
    match name:
        case GroupName.CLOSED:
            return f"closed on {row['closed_at'].astimezone(UTC).date()}"
        case GroupName.OVERDUE:
            return f"promised by {row['committed_due_on']}"
    return f"due {row['due_on']}" if row["due_on"] else "without a due date"


def _to_post(row: Row) -> ChatPost:
    return ChatPost(**{**row, "kind": PostKind(row["kind"]), "state": PostState(row["state"])})


def _to_row(post: ChatPost) -> dict[str, Any]:
    return {field.name: getattr(post, field.name) for field in fields(post)}
