"""REST: service accounts, the programs that call this service."""

from datetime import datetime
from typing import cast
from uuid import UUID

from fastapi import APIRouter, Response
from pydantic import Field

from app.api.deps import CallerDep, PortsDep, ReaderDep, SeenVersion
from app.api.reading import (
    After,
    Limit,
    Listing,
    SortBy,
    answer_list,
    answer_one,
    id_by_ref,
    read_by_ref,
    record_response,
)
from app.api.schemas import Body, Out, Page, Ref, Slug, Title
from app.domain.access import Role
from app.domain.organisation import use_cases
from app.domain.organisation.fields import ServiceAccountFields
from app.domain.selection import Op

router = APIRouter(prefix="/service-accounts", tags=["service accounts"])


class ServiceAccountCreate(Body):
    """A program that calls us."""

    slug: Slug
    name: Title
    role: Role = Role.READER


class ServiceAccountPatch(Body):
    """Only the fields that are sent change."""

    name: Title | None = None
    role: Role | None = None
    active: bool | None = Field(default=None, description="One that is not active cannot authenticate.")

    def fields(self) -> ServiceAccountFields:
        return cast(ServiceAccountFields, self.changes())


class ServiceAccountOut(Out):
    """A program that calls us; it can never sign, attest or decline."""

    id: UUID
    version: int
    slug: str
    name: str
    role: Role
    active: bool
    created_at: datetime
    updated_at: datetime


LISTING = Listing(
    "service_account",
    ServiceAccountOut,
    ("slug", "name", "created_at", "updated_at"),
    {"active": ("active", Op.EQ)},
    "slug",
)


@router.get("", response_model=Page[ServiceAccountOut])
async def list_service_accounts(
    ports: PortsDep,
    caller: ReaderDep,
    active: bool | None = None,
    sort: SortBy = None,
    limit: Limit = 50,
    after: After = None,
) -> Response:
    """Service accounts, by slug unless sorted otherwise."""
    return await answer_list(ports, caller, LISTING, filters={"active": active}, sort=sort, limit=limit, after=after)


@router.post("", status_code=201, response_model=ServiceAccountOut)
async def create_service_account(ports: PortsDep, caller: CallerDep, body: ServiceAccountCreate) -> Response:
    """Add a service account. Admins only. It can call this service once it has a key."""
    account = await use_cases.create_service_account(
        ports.uow, ports.clock, caller=caller, slug=body.slug, name=body.name, role=body.role
    )
    return await answer_one(ports, caller, "service_account", ServiceAccountOut, account.id, status=201)


@router.get("/{account}", response_model=ServiceAccountOut)
async def get_service_account(ports: PortsDep, caller: ReaderDep, account: Ref) -> Response:
    """One service account, by id or slug."""
    return record_response(await read_by_ref(ports, caller, "service_account", ServiceAccountOut, account, "slug"))


@router.patch("/{account}", response_model=ServiceAccountOut)
async def update_service_account(
    ports: PortsDep, caller: CallerDep, seen: SeenVersion, account: Ref, body: ServiceAccountPatch
) -> Response:
    """Change a service account. Admins only."""
    id = await id_by_ref(ports, caller, "service_account", account, "slug")
    await use_cases.update_service_account(
        ports.uow, ports.clock, caller=caller, account_id=id, fields=body.fields(), expected_version=seen
    )
    return await answer_one(ports, caller, "service_account", ServiceAccountOut, id)
