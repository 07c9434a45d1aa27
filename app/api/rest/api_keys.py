"""REST: API keys."""

from datetime import datetime, timedelta
from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Path, Response
from pydantic import Field

from app.api.deps import CallerDep, PortsDep, ReaderDep
from app.api.reading import After, Limit, Listing, SortBy, answer_list, answer_one
from app.api.schemas import Body, Instant, Line, Out, Page, PersonRef, Ref
from app.domain.access import Action, authorize
from app.domain.organisation import use_cases
from app.domain.organisation.model import ApiKey

router = APIRouter(prefix="/api-keys", tags=["API keys"])

KeyId = Annotated[str, Path(pattern=r"^[A-Za-z0-9]{1,32}$", description="The part between `nr_` and the secret.")]


class ApiKeyCreate(Body):
    """A key for exactly one person or one service account."""

    person: Ref | None = None
    service_account: Ref | None = None
    scopes: list[Line] = Field(
        default=[], max_length=50, description="Narrows the key to these; empty: all that the holder's role allows."
    )
    expires_at: Instant | None = None


class ApiKeyRotate(Body):
    """How long the old key stays good beside the new one."""

    overlap_hours: int = Field(default=24, ge=0, le=720, description="0 ends the old key at once.")


class AccountRef(Out):
    """A service account, briefly."""

    id: UUID
    slug: str
    name: str


class ApiKeyOut(Out):
    """A credential, without its secret."""

    id: str
    person: PersonRef | None
    service_account: AccountRef | None
    scopes: list[str] = Field(description="Empty: all that the holder's role allows.")
    created_at: datetime
    expires_at: datetime | None
    revoked_at: datetime | None
    last_used_at: datetime | None = Field(description="To the minute.")


class IssuedKeyOut(Out):
    """A new credential. The token is shown here and never again."""

    id: str
    token: str = Field(description="`nr_<id>_<secret>`, to be sent as `Authorization: Bearer`.")
    scopes: list[str]
    created_at: datetime
    expires_at: datetime | None


LISTING = Listing("api_key", ApiKeyOut, ("created_at", "last_used_at", "expires_at"), {}, "-created_at")


@router.get("", response_model=Page[ApiKeyOut])
async def list_api_keys(
    ports: PortsDep, caller: ReaderDep, sort: SortBy = None, limit: Limit = 50, after: After = None
) -> Response:
    """Keys, newest first, revoked and expired ones too. Admins only."""
    authorize(caller, Action.CONFIGURE)
    return await answer_list(ports, caller, LISTING, filters={}, sort=sort, limit=limit, after=after)


@router.post("", status_code=201, response_model=IssuedKeyOut)
async def issue_api_key(ports: PortsDep, caller: CallerDep, body: ApiKeyCreate, response: Response) -> IssuedKeyOut:
    """Make a key. Admins only. The answer holds the only copy of the token."""
    key, token = await use_cases.issue_api_key(
        ports.uow,
        ports.clock,
        caller=caller,
        person=body.person,
        service_account=body.service_account,
        scopes=frozenset(body.scopes),
        expires_at=body.expires_at,
    )
    return _issued(key, token, response)


def _issued(key: ApiKey, token: str, response: Response) -> IssuedKeyOut:
    response.headers["Cache-Control"] = "no-store"
    return IssuedKeyOut(
        id=key.id, token=token, scopes=sorted(key.scopes), created_at=key.created_at, expires_at=key.expires_at
    )


@router.post("/{key_id}/rotate", status_code=201, response_model=IssuedKeyOut)
async def rotate_api_key(
    ports: PortsDep, caller: CallerDep, key_id: KeyId, response: Response, body: ApiKeyRotate | None = None
) -> IssuedKeyOut:
    """A new key for the same holder and scopes; both are good until the overlap ends. Admins only."""
    overlap = timedelta(hours=(body or ApiKeyRotate()).overlap_hours)
    key, token = await use_cases.rotate_api_key(ports.uow, ports.clock, caller=caller, key_id=key_id, overlap=overlap)
    return _issued(key, token, response)


@router.get("/{key_id}", response_model=ApiKeyOut)
async def get_api_key(ports: PortsDep, caller: ReaderDep, key_id: KeyId) -> Response:
    """One key. Admins only."""
    authorize(caller, Action.CONFIGURE)
    return await answer_one(ports, caller, "api_key", ApiKeyOut, key_id)


@router.delete("/{key_id}", status_code=204)
async def revoke_api_key(ports: PortsDep, caller: CallerDep, key_id: KeyId) -> None:
    """Revoke a key. Admins only. Within 5 seconds it opens nothing any more; it stays in the list."""
    await use_cases.revoke_api_key(ports.uow, ports.clock, caller=caller, key_id=key_id)
