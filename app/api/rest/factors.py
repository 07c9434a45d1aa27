"""REST: the taxonomy of contributing factors."""

from typing import Annotated

from fastapi import APIRouter, Path, Response
from pydantic import Field

from app.api.deps import PortsDep, ReaderDep
from app.api.reading import After, Limit, Listing, SortBy, answer_list, answer_one
from app.api.schemas import Out, Page

router = APIRouter(prefix="/factors", tags=["root causes"])


class FactorOut(Out):
    """A contributing-factor code."""

    code: str
    title: str
    description: str
    sub_codes: list[str] = Field(description="Finer codes; most factors have none.")


LISTING = Listing("factor", FactorOut, ("code", "title"), {}, "code")


@router.get("", response_model=Page[FactorOut])
async def list_factors(
    ports: PortsDep, caller: ReaderDep, sort: SortBy = None, limit: Limit = 50, after: After = None
) -> Response:
    """Every factor that a root cause or a postmortem can name."""
    return await answer_list(ports, caller, LISTING, filters={}, sort=sort, limit=limit, after=after)


@router.get("/{code}", response_model=FactorOut)
async def get_factor(
    ports: PortsDep, caller: ReaderDep, code: Annotated[str, Path(pattern=r"^[a-z0-9-]{1,100}$")]
) -> Response:
    """One factor."""
    return await answer_one(ports, caller, "factor", FactorOut, code, by="code")
