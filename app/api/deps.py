"""What routes depend on: the ports, the caller, the version the caller has seen."""

from dataclasses import replace
from typing import Annotated

from fastapi import Depends, Header, Request
from fastapi.security import HTTPAuthorizationCredentials, HTTPBearer
from fastapi.security.utils import get_authorization_scheme_param

from app.api.errors import ApiError
from app.domain.access import Action, Caller, authorize
from app.domain.deeds import Deed, begin
from app.domain.errors import Unauthenticated
from app.domain.once import OnceKey
from app.domain.ports import Ports

_bearer = HTTPBearer(auto_error=False, description="An API key: `nr_<id>_<secret>`.")
BearerDep = Annotated[HTTPAuthorizationCredentials | None, Depends(_bearer)]


def get_ports(request: Request) -> Ports:
    """The ports; under an idempotency key with a unit of work that records it in the transaction."""
    ports: Ports = request.app.state.ports
    once: OnceKey | None = request.scope.get("once")
    return ports if once is None else replace(ports, uow=ports.once.unit_of_work(once))


PortsDep = Annotated[Ports, Depends(get_ports)]


async def get_caller(
    request: Request, ports: PortsDep, credentials: Annotated[HTTPAuthorizationCredentials | None, Depends(_bearer)]
) -> Caller:
    """The person or service account behind the bearer token; without one nothing is shown (default deny)."""
    if credentials is None:
        raise Unauthenticated
    caller = await ports.credentials.authenticate(credentials.credentials)
    request.scope["actor"] = caller.actor
    route = request.scope.get("route")
    begin(Deed(getattr(route, "name", "graphql"), caller.actor, request.scope.get("request_id")))
    return caller


async def caller_of(request: Request, ports: Ports) -> Caller:
    """The same for routes that FastAPI does not serve."""
    scheme, token = get_authorization_scheme_param(request.headers.get("authorization"))
    given = HTTPAuthorizationCredentials(scheme=scheme, credentials=token) if scheme.lower() == "bearer" else None
    return await get_caller(request, ports, given)


CallerDep = Annotated[Caller, Depends(get_caller)]


async def get_reader(caller: CallerDep) -> Caller:
    """A caller who may read. Answers after a write need no more than the write itself did."""
    authorize(caller, Action.READ)
    return caller


ReaderDep = Annotated[Caller, Depends(get_reader)]


async def get_seen_version(
    if_match: Annotated[str | None, Header(description='The ETag you read, such as `"3"`.')] = None,
) -> int:
    """The version the caller has seen; 428 where it does not say, because somebody's change could be lost."""
    if if_match is None:
        raise ApiError(428)
    text = if_match.strip().removeprefix("W/").strip('"')
    if not (text.isascii() and text.isdigit() and len(text) < 10):
        raise ApiError(400, 'If-Match must be an ETag of ours, such as "3".')
    return int(text)


SeenVersion = Annotated[int, Depends(get_seen_version)]
