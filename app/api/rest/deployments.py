"""REST: deployments and annotations, pushed by CI/CD and whoever else knows what happened."""

from datetime import datetime
from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Query, Response
from pydantic import Field

from app.api.deps import CallerDep, PortsDep, ReaderDep
from app.api.reading import After, Limit, Listing, SortBy, answer_list, answer_one, many
from app.api.schemas import Body, Instant, Line, Out, Page, Ref, ServiceRef, Slug, Text, Url
from app.domain.annotations.model import AnnotationReport
from app.domain.annotations.use_cases import record_annotation as recording_annotation
from app.domain.deployments import use_cases
from app.domain.deployments.model import DeploymentReport, DeploymentState
from app.domain.postmortems.content import TimelineKind
from app.domain.selection import Op

router = APIRouter(tags=["deployments"])
_NAME = "Its id there; told again under the same source and id it is the same one, never a second."
_REFERENCES = "Ids of action items, and keys or URLs of their tickets, that it contains: such an item is dated by it."


class DeploymentCreate(Body):
    """What CI/CD says of a deployment. A later report of the same one says what is new; the rest stays."""

    source: Slug = Field(default="api", description="Who says so.")
    external_id: Line = Field(description=_NAME)
    services: list[Ref] = Field(
        default=[], max_length=200, description="Ids or slugs; needed when it is first told of."
    )
    state: DeploymentState = Field(default=DeploymentState.SUCCEEDED, description="How far it is.")
    environment: Line | None = Field(default=None, description="Where it went; `production` unless said.")
    revision: Line | None = Field(default=None, description="What went there: a commit or a version.")
    ref: Line | None = Field(default=None, description="The branch or tag.")
    repository: Line | None = Field(default=None, description="Where the code is, such as owner/name.")
    url: Url | None = Field(default=None, description="Where people see it.")
    description: Text | None = Field(default=None, description="What it is about.")
    references: list[Line] = Field(default=[], max_length=500, description=_REFERENCES)
    started_at: Instant | None = Field(default=None, description="When it began.")
    deployed_at: Instant | None = Field(
        default=None, description="When it was done; now, where it succeeded and this is not said."
    )


class DeploymentOut(Out):
    """Something that was put somewhere."""

    id: UUID
    version: int
    source: str
    external_id: str
    services: list[ServiceRef]
    state: DeploymentState
    environment: str
    revision: str | None
    ref: str | None
    repository: str | None
    url: str | None
    description: str
    references: list[str] = Field(description=_REFERENCES)
    started_at: datetime | None
    deployed_at: datetime | None
    created_at: datetime
    updated_at: datetime


class AnnotationCreate(Body):
    """Something that happened: a flag was switched, a migration ran, a provider had trouble."""

    source: Slug = Field(default="api", description="Who says so.")
    external_id: Line = Field(description=_NAME)
    services: list[Ref] = Field(default=[], max_length=200, description="Ids or slugs; all services unless said.")
    at: Instant = Field(description="When it happened, or began.")
    ends_at: Instant | None = Field(default=None, description="When it ended, if it took a while.")
    kind: TimelineKind = Field(default=TimelineKind.NOTE, description="What kind of fact it is in a timeline.")
    text: Annotated[Line, Field(description="What happened.")]
    url: Url | None = Field(default=None, description="Where it can be seen.")


class AnnotationOut(Out):
    """Something that happened."""

    id: UUID
    version: int
    source: str
    external_id: str
    services: list[ServiceRef]
    at: datetime
    ends_at: datetime | None
    kind: TimelineKind
    text: str
    url: str | None
    created_at: datetime
    updated_at: datetime


DEPLOYMENTS = Listing(
    "deployment",
    DeploymentOut,
    ("ended_at", "created_at"),
    {
        "service": ("service", Op.IN),
        "environment": ("environment", Op.IN),
        "state": ("state", Op.IN),
        "source": ("source", Op.IN),
        "ended_after": ("ended_at", Op.GT),
        "ended_before": ("ended_at", Op.LT),
    },
    "-ended_at",
)
ANNOTATIONS = Listing(
    "annotation",
    AnnotationOut,
    ("at", "created_at"),
    {
        "service": ("service", Op.IN),
        "source": ("source", Op.IN),
        "at_after": ("at", Op.GT),
        "at_before": ("at", Op.LT),
    },
    "-at",
)
Since = Annotated[Instant | None, Query(description="Only later ones.")]
Until = Annotated[Instant | None, Query(description="Only earlier ones.")]


@router.post("/deployments", status_code=201, response_model=DeploymentOut, responses={200: {"model": DeploymentOut}})
async def record_deployment(ports: PortsDep, caller: CallerDep, body: DeploymentCreate) -> Response:
    """Record a deployment (201), or say more of one that is known by its source and id (200)."""
    recorded = await use_cases.record_deployment(
        ports.uow,
        ports.clock,
        ports.policy.deployments,
        caller=caller,
        said=DeploymentReport(
            body.source, body.external_id, body.state, body.environment, body.revision, body.ref, body.repository,
            body.url, body.description, tuple(body.references), body.started_at, body.deployed_at,
        ),
        services=body.services,
    )  # fmt: skip
    status = 201 if recorded.is_new else 200
    return await answer_one(ports, caller, "deployment", DeploymentOut, recorded.deployment.id, status=status)


@router.get("/deployments", response_model=Page[DeploymentOut])
async def list_deployments(
    ports: PortsDep,
    caller: ReaderDep,
    service: Annotated[str | None, Query(description="Slugs, comma-separated.")] = None,
    environment: Annotated[str | None, Query(description="Comma-separated.")] = None,
    state: Annotated[str | None, Query(description="Comma-separated.")] = None,
    source: Annotated[str | None, Query(description="Comma-separated.")] = None,
    ended_after: Since = None,
    ended_before: Until = None,
    sort: SortBy = None,
    limit: Limit = 50,
    after: After = None,
) -> Response:
    """Deployments, the latest first unless sorted otherwise."""
    filters = {
        "service": many(service), "environment": many(environment), "state": many(state, list(DeploymentState)),
        "source": many(source), "ended_after": ended_after, "ended_before": ended_before,
    }  # fmt: skip
    return await answer_list(ports, caller, DEPLOYMENTS, filters=filters, sort=sort, limit=limit, after=after)


@router.get("/deployments/{deployment_id}", response_model=DeploymentOut)
async def get_deployment(ports: PortsDep, caller: ReaderDep, deployment_id: UUID) -> Response:
    """One deployment."""
    return await answer_one(ports, caller, "deployment", DeploymentOut, deployment_id)


@router.post("/annotations", status_code=201, response_model=AnnotationOut, responses={200: {"model": AnnotationOut}})
async def record_annotation(ports: PortsDep, caller: CallerDep, body: AnnotationCreate) -> Response:
    """Record what happened (201), or correct what is known by its source and id (200). Timelines are made of it."""
    noted = await recording_annotation(
        ports.uow,
        ports.clock,
        caller=caller,
        said=AnnotationReport(body.source, body.external_id, body.at, body.text, body.kind, body.ends_at, body.url),
        services=body.services,
    )
    status = 201 if noted.is_new else 200
    return await answer_one(ports, caller, "annotation", AnnotationOut, noted.annotation.id, status=status)


@router.get("/annotations", response_model=Page[AnnotationOut])
async def list_annotations(
    ports: PortsDep,
    caller: ReaderDep,
    service: Annotated[str | None, Query(description="Slugs, comma-separated.")] = None,
    source: Annotated[str | None, Query(description="Comma-separated.")] = None,
    at_after: Since = None,
    at_before: Until = None,
    sort: SortBy = None,
    limit: Limit = 50,
    after: After = None,
) -> Response:
    """Annotations, the latest first unless sorted otherwise."""
    filters = {
        "service": many(service), "source": many(source), "at_after": at_after, "at_before": at_before,
    }  # fmt: skip
    return await answer_list(ports, caller, ANNOTATIONS, filters=filters, sort=sort, limit=limit, after=after)
