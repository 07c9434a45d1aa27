"""Boosts: what raises the priority of a service's items while its error budget burns."""

from datetime import datetime

from app.api.graphql.fields import column, edge
from app.api.graphql.records import record
from app.api.graphql.types.node import Node
from app.api.graphql.types.organisation import ServiceType
from app.domain.budgets.model import BoostState, Signal


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
