"""The peer in Python: Strawberry with dataloaders over an ORM session, as the documentation of both shows it."""

import os
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from datetime import date, datetime
from typing import Any
from uuid import UUID

import sqlalchemy as sa
import strawberry
from fastapi import FastAPI
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.ext.asyncio import async_sessionmaker, create_async_engine
from sqlmodel import Field, SQLModel, select
from sqlmodel.ext.asyncio.session import AsyncSession
from strawberry.dataloader import DataLoader
from strawberry.fastapi import GraphQLRouter


class Team(SQLModel, table=True):
    __tablename__ = "teams"
    id: UUID = Field(primary_key=True)
    slug: str


class Person(SQLModel, table=True):
    __tablename__ = "people"
    id: UUID = Field(primary_key=True)
    name: str


class Service(SQLModel, table=True):
    __tablename__ = "services"
    id: UUID = Field(primary_key=True)
    name: str
    team_id: UUID


class Incident(SQLModel, table=True):
    __tablename__ = "incidents"
    id: UUID = Field(primary_key=True)
    title: str
    severity: int
    primary_service_id: UUID


class Postmortem(SQLModel, table=True):
    __tablename__ = "postmortems"
    id: UUID = Field(primary_key=True)
    incident_id: UUID
    author_id: UUID
    status: str
    tier: int
    due_on: date
    created_at: datetime = Field(sa_type=sa.DateTime(timezone=True))


class TimelineEntry(SQLModel, table=True):
    __tablename__ = "timeline_entries"
    id: UUID = Field(primary_key=True)
    postmortem_id: UUID
    occurred_at: datetime = Field(sa_type=sa.DateTime(timezone=True))
    kind: str
    text: str


class ActionItem(SQLModel, table=True):
    __tablename__ = "action_items"
    id: UUID = Field(primary_key=True)
    postmortem_id: UUID
    service_id: UUID
    team_id: UUID
    title: str
    status: str
    effective_priority: int
    due_on: date
    risk: float
    risk_detail: dict[str, Any] = Field(sa_type=JSONB)


class Ticket(SQLModel, table=True):
    __tablename__ = "tickets"
    id: UUID = Field(primary_key=True)
    action_item_id: UUID
    key: str
    url: str
    status: str


engine = create_async_engine(
    os.environ["DATABASE_URL"].replace("postgresql://", "postgresql+asyncpg://", 1), pool_size=10, max_overflow=0
)
sessions = async_sessionmaker(engine, class_=AsyncSession, expire_on_commit=False)


def by_key(entity: Any, column: Any) -> DataLoader[UUID, Any]:
    """One entity for each key."""

    async def load(keys: list[UUID]) -> Sequence[Any]:
        async with sessions() as session:
            found = {
                getattr(row, column.key): row for row in await session.exec(select(entity).where(column.in_(keys)))
            }
        return [found.get(key) for key in keys]

    return DataLoader(load)


def many_by_postmortem(entity: Any, *order: Any) -> DataLoader[UUID, list[Any]]:
    """A list of entities for each postmortem."""

    async def load(keys: list[UUID]) -> list[list[Any]]:
        found: dict[UUID, list[Any]] = {key: [] for key in keys}
        async with sessions() as session:
            for row in await session.exec(select(entity).where(entity.postmortem_id.in_(keys)).order_by(*order)):
                found[row.postmortem_id].append(row)
        return [found[key] for key in keys]

    return DataLoader(load)


async def context() -> dict[str, Any]:
    return {
        "services": by_key(Service, Service.id),
        "people": by_key(Person, Person.id),
        "incidents": by_key(Incident, Incident.id),
        "postmortems": by_key(Postmortem, Postmortem.id),
        "tickets": by_key(Ticket, Ticket.action_item_id),
        "items": many_by_postmortem(ActionItem, ActionItem.id),
        "timeline": many_by_postmortem(TimelineEntry, TimelineEntry.occurred_at, TimelineEntry.id),
    }


Info = strawberry.Info[dict[str, Any], None]


@strawberry.type(name="Service")
class ServiceType:
    name: str


@strawberry.type(name="Person")
class PersonType:
    name: str


@strawberry.type(name="Ticket")
class TicketType:
    key: str
    url: str
    status: str


@strawberry.type(name="Reason")
class ReasonType:
    code: str
    text: str


@strawberry.type(name="RiskDetail")
class RiskDetailType:
    reasons: list[ReasonType]


@strawberry.type(name="TimelineEntry")
class TimelineEntryType:
    occurred_at: datetime
    kind: str
    text: str


@strawberry.type(name="Incident")
class IncidentType:
    title: str
    severity: int
    primary_service_id: strawberry.Private[UUID]

    @strawberry.field
    async def primary_service(self, info: Info) -> ServiceType:
        return ServiceType(name=(await info.context["services"].load(self.primary_service_id)).name)


@strawberry.type(name="ActionItem")
class ActionItemType:
    id: strawberry.ID
    title: str
    status: str
    effective_priority: int
    due_on: date
    risk: float
    entity: strawberry.Private[ActionItem]

    @classmethod
    def of(cls, row: ActionItem) -> "ActionItemType":
        return cls(
            id=strawberry.ID(str(row.id)), title=row.title, status=row.status, due_on=row.due_on, risk=row.risk,
            effective_priority=row.effective_priority, entity=row,
        )  # fmt: skip

    @strawberry.field
    def risk_detail(self) -> RiskDetailType:
        return RiskDetailType(reasons=[ReasonType(**reason) for reason in self.entity.risk_detail["reasons"]])

    @strawberry.field
    async def ticket(self, info: Info) -> TicketType | None:
        row = await info.context["tickets"].load(self.entity.id)
        return row and TicketType(key=row.key, url=row.url, status=row.status)

    @strawberry.field
    async def service(self, info: Info) -> ServiceType:
        return ServiceType(name=(await info.context["services"].load(self.entity.service_id)).name)

    @strawberry.field
    async def postmortem(self, info: Info) -> "PostmortemType":
        return PostmortemType.of(await info.context["postmortems"].load(self.entity.postmortem_id))


@strawberry.type(name="Postmortem")
class PostmortemType:
    id: strawberry.ID
    status: str
    tier: int
    due_on: date
    created_at: datetime
    entity: strawberry.Private[Postmortem]

    @classmethod
    def of(cls, row: Postmortem) -> "PostmortemType":
        return cls(
            id=strawberry.ID(str(row.id)), status=row.status, tier=row.tier, due_on=row.due_on,
            created_at=row.created_at, entity=row,
        )  # fmt: skip

    @strawberry.field
    async def incident(self, info: Info) -> IncidentType:
        row = await info.context["incidents"].load(self.entity.incident_id)
        return IncidentType(title=row.title, severity=row.severity, primary_service_id=row.primary_service_id)

    @strawberry.field
    async def author(self, info: Info) -> PersonType:
        return PersonType(name=(await info.context["people"].load(self.entity.author_id)).name)

    @strawberry.field
    async def action_items(self, info: Info) -> list[ActionItemType]:
        return [ActionItemType.of(row) for row in await info.context["items"].load(self.entity.id)]

    @strawberry.field
    async def timeline(self, info: Info) -> list[TimelineEntryType]:
        rows = await info.context["timeline"].load(self.entity.id)
        return [TimelineEntryType(occurred_at=row.occurred_at, kind=row.kind, text=row.text) for row in rows]


@strawberry.type
class Query:
    @strawberry.field
    async def open_items(self, team: str, first: int) -> list[ActionItemType]:
        query: Any = (
            select(ActionItem)
            .join(Team, Team.id == ActionItem.team_id)  # type: ignore[arg-type]
            .where(Team.slug == team, ActionItem.status.in_(["open", "in_progress"]))  # type: ignore[attr-defined]
            .order_by(sa.func.coalesce(ActionItem.risk, -1).desc(), ActionItem.id.desc())  # type: ignore[attr-defined]
            .limit(first)
        )
        async with sessions() as session:
            return [ActionItemType.of(row) for row in await session.exec(query)]

    @strawberry.field
    async def team_postmortems(self, team: str, first: int) -> list[PostmortemType]:
        query: Any = (
            select(Postmortem)
            .join(Incident, Incident.id == Postmortem.incident_id)  # type: ignore[arg-type]
            .join(Service, Service.id == Incident.primary_service_id)  # type: ignore[arg-type]
            .join(Team, Team.id == Service.team_id)  # type: ignore[arg-type]
            .where(Team.slug == team)
            .order_by(Postmortem.created_at.desc(), Postmortem.id.desc())  # type: ignore[attr-defined]
            .limit(first)
        )
        async with sessions() as session:
            return [PostmortemType.of(row) for row in await session.exec(query)]

    @strawberry.field
    async def postmortem(self, id: strawberry.ID) -> PostmortemType | None:
        async with sessions() as session:
            row = await session.get(Postmortem, UUID(id))
        return PostmortemType.of(row) if row else None


@asynccontextmanager
async def lifespan(_: FastAPI) -> AsyncIterator[None]:
    yield
    await engine.dispose()


app = FastAPI(lifespan=lifespan)
app.include_router(GraphQLRouter(strawberry.Schema(Query), context_getter=context), prefix="/graphql")
