"""Error budgets, and boosts: what raises the priority of a service's items while its budget burns."""

from datetime import datetime
from typing import Any

import strawberry
from strawberry import Parent

from app.api.graphql.fields import column, edge
from app.api.graphql.records import described, record
from app.api.graphql.types.node import Node
from app.api.graphql.types.organisation import ServiceType
from app.domain.budgets.measuring import Band
from app.domain.budgets.model import BoostState, Signal
from app.domain.budgets.view import ServiceBudget, SloBudget


@record("boost")
class BoostType(Node):
    """A dated row of the ledger; it stays there when it has ended."""

    version: int = column("Goes up with every change.")
    slo: str = column("The SLO's name.")
    source: str = column("Who says so.")
    signal: Signal = column("What is wrong with the budget.")
    levels: int = column("How far it raises, by policy.")
    state: BoostState = column("Stale: its source is silent, so it keeps its level for a while.")
    reason: str = column("Why, in plain words.")
    burn_rate: float | None = column("Times faster than even.")
    remaining: float | None = column("Share of the budget that is left.")
    raised_at: datetime = column("When it was first seen.")
    observed_at: datetime = column("When it was last seen.")
    vouched_until: datetime = column("Without a renewal until then it becomes stale.")
    clear_since: datetime | None = column("Since when the signal is clear.")
    ended_at: datetime | None = column("When it ended.")
    ended_because: str = column("Why it ended.")
    service: ServiceType = edge("The service whose items it raises.", "service")


def _remaining(slo: Parent[SloBudget]) -> float | None:
    return slo.last.remaining if slo.last else None


def _burn_rate(slo: Parent[SloBudget]) -> float | None:
    return slo.last.burn_rate if slo.last else None


def _observed_at(slo: Parent[SloBudget]) -> datetime | None:
    return slo.last.at if slo.last else None


@described
class SloBudgetType:
    """What is left of one SLO's error budget."""

    slo: str = strawberry.field(description="The SLO's name.")
    band: Band = strawberry.field(description="How it stands; unknown when nobody measured it lately.")
    objective: float | None = strawberry.field(description="What is promised, as a share such as 0.999.")
    source: str | None = strawberry.field(description="Who measured it.")
    remaining: float | None = strawberry.field(
        resolver=_remaining, description="Share of the budget that is left, as last known; below 0 when overspent."
    )
    burn_rate: float | None = strawberry.field(resolver=_burn_rate, description="Times faster than even.")
    observed_at: datetime | None = strawberry.field(resolver=_observed_at, description="When it was last measured.")


def _slos(budget: Parent[ServiceBudget]) -> Any:
    return budget.slos


@described
class ServiceBudgetType:
    """The error budgets of a service."""

    band: Band = strawberry.field(description="The worst of its SLOs.")
    levels: int = strawberry.field(description="How far its strongest boost raises the priority of its items.")
    slos: list[SloBudgetType] = strawberry.field(resolver=_slos, description="One by one, by name.")
