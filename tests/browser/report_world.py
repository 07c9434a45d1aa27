"""A year and a half of an organisation, ending now, with reviews of its last quarters."""

import random
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from app.domain.access import SYSTEM, Role
from app.domain.actions.evidence import CheckKind, VerificationPlan
from app.domain.actions.model import ActionItem, ControlType, Status
from app.domain.ids import new_id
from app.domain.incidents.model import Change, ChangeRole, DetectionSource, Incident, Moments, Rollout, Severity
from app.domain.learning.model import RootCause
from app.domain.learning.taxonomy import FACTORS
from app.domain.learning.use_cases.risk import refit_recurrence
from app.domain.meta_reviews.period import Quarter
from app.domain.meta_reviews.use_cases.drafting import build_meta_review, create_meta_review
from app.domain.meta_reviews.use_cases.items import create_pattern_item
from app.domain.meta_reviews.use_cases.reviewing import publish_meta_review, submit_meta_review
from app.domain.ports import Ports, UnitOfWork
from app.domain.postmortems.content import (
    ContributingFactor,
    Forum,
    Review,
    Section,
    SectionName,
    TimelineEntry,
    TimelineKind,
    Why,
)
from app.domain.postmortems.model import Postmortem, PostmortemStatus, Tier
from tests import make

DAYS = 540
HOSTILE = '<script>alert(1)</script> =HYPERLINK("https://evil.example") & [x](javascript:alert(1))'
SHARES = {
    "missing-alerting": 0.3,
    "timeout-misconfiguration": 0.2,
    "bad-release": 0.22,
    "capacity": 0.15,
    "dns": 0.06,
    "dependency-failure": 0.12,
    "testing-gap": 0.18,
    "cascading-failure": 0.1,
    "database": 0.12,
    "procedure-gap": 0.14,
}
SUB_CODES = {factor.code: factor.sub_codes for factor in FACTORS}


@dataclass(frozen=True)
class World:
    """What a test needs to know to find its way."""

    postmortem_id: Any
    item_id: Any
    pattern_item_id: Any
    published: str
    draft: str
    queued: str


async def settle(ports: Ports) -> World:
    """Fill an empty database."""
    dice, now = random.Random(7), ports.clock()
    people = [make.person("ada"), make.person("reviewer", Role.REVIEWER), make.person("chen")]
    teams = [make.team("payments"), make.team("platform")]
    services = [
        make.service(slug, name=name, revenue_per_hour_usd=revenue, team_id=teams[no % 2].id)
        for no, (slug, name, revenue) in enumerate(
            [
                ("checkout", "Checkout", 42_000.0),
                ("billing", "Billing", 9_000.0),
                ("login", "Login", 55_000.0),
                ("search", "Search", None),
                ("warehouse", "Data warehouse", None),
                ("gateway", "API gateway", 60_000.0),
            ]
        )
    ]
    causes = [make.root_cause(f"cause-{no}", title=f"Cause number {no}") for no in range(14)]
    made: list[tuple[Incident, Postmortem]] = []
    async with ports.uow() as u:
        for person in people:
            await u.people.add(person)
        for team in teams:
            await u.teams.add(replace(team, lead_id=people[0].id))
        for service in services:
            await u.services.add(service)
        for cause in causes:
            await u.root_causes.add(cause)
        for number in range(240):
            at = now - timedelta(days=DAYS * (1 - number / 240) - dice.random())
            made.append(await _happened(u, dice, number, at, services, causes[dice.randrange(14)], people))
        items = [await _promised(u, dice, pm, incident, people, now) for incident, pm in made if dice.random() < 0.6]
        await u.commit()
    await refit_recurrence(ports.uow, ports.clock, ports.risk_policy)
    published, draft, pattern_item = await _reviewed(ports, now, people)
    queued = await create_meta_review(
        ports.uow, ports.clock, ports.policy, caller=SYSTEM, period=str(Quarter.at(now, ZoneInfo("UTC")))
    )
    return World(made[-30][1].id, items[-1].id, pattern_item.id, published, draft, str(queued.period))


async def _happened(
    u: UnitOfWork, dice: random.Random, number: int, at: datetime, services: Any, cause: RootCause, people: Any
) -> tuple[Incident, Postmortem]:
    late = dice.lognormvariate(2.3 - number / 300, 0.8) * 60
    change = Change(
        ChangeRole.CAUSED, rollout=dice.choice([Rollout.CANARY, Rollout.DIRECT, Rollout.DIRECT, Rollout.STAGED])
    )
    incident = make.incident(
        services[number % 6],
        cause=cause,
        created_at=at,
        updated_at=at,
        title=HOSTILE if number == 205 else f"Requests to {services[number % 6].name} fail",
        severity=Severity(dice.choice([1, 2, 2, 3, 3, 3, 4])),
        change=change if dice.random() < 0.35 else None,
        detection_source=DetectionSource.ALERT,
        moments=Moments(at, *(at + timedelta(seconds=late * times) for times in (1, 1.3, 3, 4))),
    )
    factors = [code for code, share in SHARES.items() if dice.random() < share]
    named = tuple(
        ContributingFactor(
            code,
            _form(dice, code),
            f"{code.replace('-', ' ').capitalize()} kept us from seeing it for {late / 60:.0f} minutes.",
        )
        for code in factors
    )
    said = (
        "Stale feature flags kept old workers alive."
        if not factors and number % 2
        else "A queue grew until requests failed."
    )
    entries = tuple(
        TimelineEntry(new_id(), at + timedelta(minutes=minute), at, kind, text)
        for minute, kind, text in [
            (0, TimelineKind.TRIGGER, "A deployment reached production."),
            (9, TimelineKind.DETECTION, HOSTILE if number == 205 else "The error rate alert fired."),
            (14, TimelineKind.RESPONSE, "The on-call engineer joined."),
            (31, TimelineKind.MITIGATION, "Rolled back."),
            (40, TimelineKind.RESOLUTION, "The error rate is back to normal."),
        ]
    )
    postmortem = make.postmortem(
        incident,
        factors=named,
        status=PostmortemStatus.PUBLISHED,
        published_number=1,
        published_at=at + timedelta(days=6),
        created_at=at + timedelta(days=1),
        author_id=people[0].id,
        proposed_tier=Tier.STANDARD,
        tier_reasons=("the severity is P2",),
        sections={
            SectionName.SUMMARY: Section(said),
            SectionName.IMPACT: Section("Some customers saw errors.\n\nSee https://status.example/42."),
            SectionName.ROOT_CAUSE: Section("The pool was exhausted because nothing limited retries."),
        },
        whys=tuple(Why(text) for text in ("Requests failed.", "The pool was empty.", "Retries had no limit.")),
        timeline=entries,
        review=Review(at.date(), Forum.TEAM),
    )
    await u.incidents.add(incident)
    await u.postmortems.add(postmortem)
    return incident, postmortem


def _form(dice: random.Random, code: str) -> str | None:
    forms = SUB_CODES[code]
    return dice.choice(forms) if forms else None


async def _promised(
    u: UnitOfWork, dice: random.Random, postmortem: Postmortem, incident: Incident, people: Any, now: datetime
) -> ActionItem:
    at = postmortem.created_at + timedelta(days=2)
    due = (at + timedelta(days=30)).date()
    done = at + timedelta(days=dice.choice([12, 25, 45])) if dice.random() < 0.6 else None
    done = done if done and done < now else None
    item = make.action_item(
        postmortem,
        title=dice.choice(["Limit retries of the client", "Alert on queue depth", "Add a canary to the pipeline"]),
        control_type=ControlType.PREVENT,
        created_at=at,
        updated_at=at,
        owner_id=dice.choice(people).id,
        due_on=due,
        committed_due_on=due,
        opened_at=at,
        service_id=incident.primary_service_id,
        root_cause_id=incident.root_cause_id,
        status=Status.IMPLEMENTED if done else Status.OPEN,
        implemented_at=done,
        plan=VerificationPlan((CheckKind.ATTESTED,), 30),
        description="Retries multiply the load when the pool is empty.",
    )
    await u.action_items.add(item)
    return item


async def _reviewed(ports: Ports, now: datetime, people: Any) -> tuple[str, str, ActionItem]:
    """The quarter before the last is published, the last one a draft with an action item."""
    last = Quarter.at(now, ZoneInfo("UTC")).previous
    for quarter in (last.previous, last):
        review = await create_meta_review(ports.uow, ports.clock, ports.policy, caller=SYSTEM, period=str(quarter))
        await build_meta_review(ports.uow, ports.clock, ports.meta_review_policy, review_id=review.id)
        item = await create_pattern_item(
            ports.uow,
            ports.clock,
            ports.policy,
            {},
            caller=SYSTEM,
            review_id=review.id,
            key="missing-alerting",
            title="Create an alert coverage check",
            owner="ada@example.org",
            team="platform",
            due_on=(now + timedelta(days=40)).date(),
        )
        if quarter != last:
            await submit_meta_review(ports.uow, ports.clock, caller=make.caller(people[0]), review_id=review.id)
            await publish_meta_review(ports.uow, ports.clock, caller=make.caller(people[1]), review_id=review.id)
    return str(last.previous), str(last), item
