"""A quarter of incidents with published postmortems, for tests of the meta-review and of the reports."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

from app.domain.incidents.model import Change, ChangeRole, Incident, Rollout, Severity, Visibility
from app.domain.learning.model import RootCause
from app.domain.meta_reviews.use_cases.drafting import build_meta_review
from app.domain.organisation.model import Person, Service
from app.domain.ports import Ports
from app.domain.postmortems.content import ContributingFactor, Section, SectionName
from app.domain.postmortems.model import Postmortem, PostmortemStatus
from tests import make

QUARTER = datetime(2026, 1, 1, tzinfo=UTC)
BEFORE = datetime(2025, 10, 1, tzinfo=UTC)
NOW = make.NOW


class Quarter:
    """Records are added by hand, as they would be after their loop is done."""

    def __init__(self, ports: Ports) -> None:
        self.clock = make.FixedClock(NOW)
        self.ports = replace(ports, clock=self.clock)
        self.team = make.team("platform")
        self.ada = make.person("ada", team_id=self.team.id)
        self.checkout = make.service("checkout", revenue_per_hour_usd=42_000.0, team_id=self.team.id)
        self.search = make.service("search", team_id=self.team.id)
        self.day = 0

    async def open(self) -> None:
        async with self.ports.uow() as u:
            await u.teams.add(self.team)
            await u.people.add(self.ada)
            await u.services.add(self.checkout)
            await u.services.add(self.search)
            await u.commit()

    async def incident(
        self,
        *factors: str,
        start: datetime = QUARTER,
        on: Sequence[Service] | None = None,
        change: Rollout | None = None,
        summary: str = "Requests failed.",
        published: bool = True,
        cause: RootCause | None = None,
        restricted_to: Sequence[Person] | None = None,
        **fields: Any,
    ) -> tuple[Incident, Postmortem]:
        """One incident a day; a factor is `code` or `code/sub_code`."""
        self.day += 1
        at = start + timedelta(days=self.day % 80, hours=3)
        restricted = (
            {"visibility": Visibility.RESTRICTED, "viewer_ids": frozenset(one.id for one in restricted_to)}
            if restricted_to is not None
            else {}
        )
        given: dict[str, Any] = {"title": f"Incident {self.day}", "severity": Severity.P2, **restricted, **fields}
        if change is not None:
            given["change"] = Change(ChangeRole.CAUSED, rollout=change)
        incident = make.incident(*(on or [self.checkout]), started_at=at, cause=cause, **given)
        named = tuple(
            ContributingFactor(code, sub or None, f"Because of {code}, seen in {incident.title}.")
            for code, _, sub in (factor.partition("/") for factor in factors)
        )
        state: dict[str, Any] = (
            {"status": PostmortemStatus.PUBLISHED, "published_number": 1, "published_at": at}
            if published
            else {"status": PostmortemStatus.REQUIRED, "due_on": (at + timedelta(days=14)).date()}
        )
        text = {SectionName.SUMMARY: Section(summary)}
        postmortem = make.postmortem(incident, factors=named, sections=text, **state)
        async with self.ports.uow() as u:
            if cause is not None and await u.root_causes.find(cause.id) is None:
                await u.root_causes.add(cause)
            await u.incidents.add(incident)
            await u.postmortems.add(postmortem)
            await u.commit()
        return incident, postmortem

    async def build(self, review_id: Any) -> None:
        await build_meta_review(self.ports.uow, self.clock, self.ports.meta_review_policy, review_id=review_id)
