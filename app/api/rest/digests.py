"""REST: what a team's channel is told each week, as it would read now."""

from datetime import date
from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Header, Response

from app.api.deps import PortsDep, ReaderDep
from app.api.reports.digest import digest_markdown
from app.api.schemas import Out, Slug
from app.domain.digests.model import Digest, GroupName
from app.domain.digests.use_cases import team_digest

router = APIRouter(prefix="/teams", tags=["teams"])


class DigestLineOut(Out):
    """An item in a few words."""

    item_id: UUID
    title: str
    owner: str | None
    says: str


class DigestGroupOut(Out):
    """The first lines of a part, and how many there are in all."""

    name: GroupName
    lines: list[DigestLineOut]
    total: int


class DigestOut(Out):
    """The days before today, where the team is; the last day is not included."""

    team: str | None
    starts_on: date
    ends_on: date
    groups: list[DigestGroupOut]


@router.get("/{team}/digest", response_model=DigestOut, responses={200: {"content": {"text/markdown": {}}}})
async def get_team_digest(
    ports: PortsDep,
    caller: ReaderDep,
    team: Slug,
    accept: Annotated[str, Header(description="application/json or text/markdown.")] = "application/json",
) -> object:
    """What the team's channel would be told if it were told now: what was closed with evidence and what that prevented,
    what is overdue and what is at risk. Nothing of restricted incidents, whoever asks."""
    digest = await team_digest(ports.uow, ports.clock, ports.policy, caller=caller, slug=team)
    if "text/markdown" in accept:
        return Response(digest_markdown(digest), media_type="text/markdown")
    return _out(digest)


def _out(digest: Digest) -> DigestOut:
    groups = [
        DigestGroupOut(
            name=group.name,
            lines=[
                DigestLineOut(item_id=line.item_id, title=line.title, owner=line.owner, says=line.says)
                for line in group.lines
            ],
            total=group.total,
        )
        for group in digest.groups
    ]
    return DigestOut(team=digest.team, starts_on=digest.starts_on, ends_on=digest.ends_on, groups=groups)
