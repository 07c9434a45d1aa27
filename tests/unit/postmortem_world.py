"""A small world for the tests of postmortem use cases: two people, a service, an incident, a postmortem."""

from collections.abc import Awaitable, Callable
from dataclasses import replace
from datetime import timedelta
from typing import Any

from app.domain.access import Caller, Role
from app.domain.ids import new_id
from app.domain.policy import Policy
from app.domain.postmortems.assessing import load_work
from app.domain.postmortems.content import (
    PHASES,
    ContributingFactor,
    Forum,
    Review,
    Section,
    SectionName,
    TimelineEntry,
    Why,
)
from app.domain.postmortems.model import (
    Postmortem,
    PostmortemStatus,
    Tier,
)
from app.domain.postmortems.readiness import content_hash
from app.domain.postmortems.use_cases.publishing import publish_postmortem
from app.domain.postmortems.use_cases.reviewing import (
    sign_off_postmortem,
)
from app.domain.postmortems.use_cases.writing import PostmortemFields, update_postmortem
from tests import make
from tests.fakes import FakeUnitOfWork
from tests.make import NOW

S = PostmortemStatus
POLICY = Policy()
CLOCK = make.FixedClock()
AUTHOR, REVIEWER = make.person("ada"), make.person("rae", Role.REVIEWER)
TEAM = make.team()
SERVICE = make.service(team_id=TEAM.id)
CAUSE = make.root_cause()
WRITES, REVIEWS = make.caller(AUTHOR), make.caller(REVIEWER)
READS, MACHINE = make.caller(role=Role.READER), make.caller(make.service_account())


class World:
    """One resolved P2 whose cause is confirmed, with a postmortem in which nothing is missing but the signature."""

    def __init__(self, tier: Tier = Tier.STANDARD, **fields: Any) -> None:
        self.uow = FakeUnitOfWork()
        self.incident = make.resolved(make.incident(SERVICE, cause=CAUSE))
        at = NOW - timedelta(hours=1)
        given: dict[str, Any] = {
            "proposed_tier": tier,
            "author_id": AUTHOR.id,
            "sections": {name: Section(f"The {name}.") for name in SectionName},
            "whys": tuple(Why(f"because {n}") for n in range(5)),
            "timeline": tuple(TimelineEntry(new_id(), at, at, phase, phase) for phase in PHASES),
            "factors": (ContributingFactor("dns"), ContributingFactor("timeout-misconfiguration", "too_short")),
            "review": Review(NOW.date(), Forum.LEADERSHIP),
        }
        pm = make.postmortem(self.incident, **(given | fields))
        items = [make.action_item(pm, owner_id=AUTHOR.id, systemic=True, title=f"Fix {n}") for n in range(2)]
        self.id = pm.id
        self.item = items[0]
        factors = (make.factor("dns"), make.factor(sub_codes=("too_short",)))
        self.uow.seed(AUTHOR, REVIEWER, TEAM, SERVICE, CAUSE, *factors, self.incident, pm, *items)
        self.uow.seed(*(make.ticket(item) for item in items))

    @property
    def postmortem(self) -> Postmortem:
        found: Postmortem = self.uow.postmortems.rows[self.id]  # type: ignore[attr-defined]
        return found

    def put(self, **fields: Any) -> None:
        self.uow.seed(replace(self.postmortem, **fields))

    async def hash(self) -> str:
        return content_hash(await load_work(self.uow, self.postmortem))

    async def do(self, use_case: Callable[..., Awaitable[Any]], caller: Caller, **arguments: Any) -> Any:
        return await use_case(self.uow, CLOCK, caller=caller, postmortem_id=self.id, **arguments)

    async def edit(self, caller: Caller = WRITES, *, version: int | None = None, **fields: Any) -> Postmortem:
        given = PostmortemFields(**fields)  # type: ignore[typeddict-item]
        saved = await self.do(update_postmortem, caller, fields=given, expected_version=version)
        assert isinstance(saved, Postmortem)
        return saved

    async def sign(self, caller: Caller = REVIEWS, **arguments: Any) -> Postmortem:
        saved = await self.do(sign_off_postmortem, caller, content_hash=await self.hash(), **arguments)
        assert isinstance(saved, Postmortem)
        return saved

    async def publish(self, caller: Caller = WRITES, **arguments: Any) -> Postmortem:
        saved = await self.do(
            lambda uow, clock, **rest: publish_postmortem(uow, clock, POLICY, **rest), caller, **arguments
        )
        assert isinstance(saved, Postmortem)
        return saved

    async def approve(self) -> None:
        self.put(status=S.IN_REVIEW)
        await self.sign(confirm_whys=True)


def without_postmortem(**fields: Any) -> tuple[FakeUnitOfWork, Any]:
    uow = FakeUnitOfWork()
    incident = make.incident(SERVICE, **fields)
    uow.seed(AUTHOR, TEAM, SERVICE, CAUSE, make.undetermined(), incident)
    return uow, incident
