"""REST: whether the process lives, and whether it can work."""

from fastapi import APIRouter, Response
from fastapi.responses import JSONResponse

from app.api.deps import PortsDep
from app.api.schemas import Out

router = APIRouter(prefix="/health", tags=["health"])


class LiveOut(Out):
    """The process answers."""

    status: str


class ReadyOut(Out):
    """`ready`, or what keeps the service from working."""

    status: str
    problems: list[str]


@router.get("/live", response_model=LiveOut)
async def get_liveness() -> LiveOut:
    """The process answers; nothing else is asked."""
    return LiveOut(status="live")


@router.get("/ready", response_model=ReadyOut, responses={503: {"model": ReadyOut}})
async def get_readiness_of_service(ports: PortsDep) -> Response:
    """Whether the database answers and is migrated; 503 with the reasons where not."""
    problems = await ports.health.problems()
    body = {"status": "not ready" if problems else "ready", "problems": list(problems)}
    return JSONResponse(body, 503 if problems else 200)
