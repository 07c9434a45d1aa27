"""REST: error budgets of services, the boosts they raise, and SLO definitions."""

from datetime import datetime
from typing import Annotated, Any
from uuid import UUID

from fastapi import APIRouter, Query, Response
from pydantic import Field

from app.api.deps import CallerDep, PortsDep, ReaderDep
from app.api.reading import After, Limit, Listing, SortBy, answer_list, answer_one, id_by_ref, many
from app.api.schemas import Body, Instant, Line, Out, Page, Ref, ServiceRef, Slug
from app.domain.budgets.measuring import Band
from app.domain.budgets.model import BoostState, Signal
from app.domain.budgets.use_cases import boosts, budgets
from app.domain.budgets.view import ServiceBudget, SloBudget
from app.domain.policy import BudgetPolicy
from app.domain.selection import Op

router = APIRouter(tags=["error budgets"])
_MOST = BudgetPolicy().max_burn_rate


class BoostCreate(Body):
    """What an error-budget service has seen. How far that raises priorities is our policy, not the caller's."""

    slo: Line = Field(description="The SLO's name.")
    signal: Signal = Field(description="What is wrong with the budget.")
    source: Slug = Field(description="Who says so; the key of a boost is service, SLO, source and signal.")
    observed_at: Instant | None = Field(
        default=None, description="When it was seen, now unless said; the later one wins."
    )
    expires_at: Instant | None = Field(
        default=None, description="Until when it holds unless renewed; 6 hours unless said, at most 7 days ahead."
    )
    reason: Line | None = Field(default=None, description="Why, in plain words.")
    burn_rate: float | None = Field(default=None, ge=0, le=_MOST, description="Times faster than even; 1 is even.")
    remaining: float | None = Field(default=None, ge=-_MOST, le=1, description="Share of the budget: 1 is all of it.")


class BoostOut(Out):
    """A dated row that raises the priority of a service's items; it stays in the ledger when it has ended."""

    id: UUID
    version: int
    service: ServiceRef
    slo: str
    source: str
    signal: Signal
    levels: int = Field(description="How far it raises, by policy.")
    state: BoostState = Field(description="`stale`: its source is silent, so it keeps its level for up to 72 hours.")
    reason: str
    burn_rate: float | None
    remaining: float | None
    raised_at: datetime
    observed_at: datetime
    vouched_until: datetime = Field(description="Without a renewal until then it becomes stale.")
    clear_since: datetime | None
    stale_since: datetime | None
    ended_at: datetime | None
    ended_because: str


class FiguresOut(Out):
    """One look at a budget."""

    observed_at: datetime
    remaining: float | None = Field(description="Share of the budget; below 0 it is overspent.")
    burn_rate: float | None = Field(description="Times faster than even.")
    rates: dict[str, float] = Field(description="Burn by window, such as `1h`.")


class BandsOut(Out):
    """Where the bands of a budget lie, as shares of it."""

    exhausted_at: float
    low_at: float
    recovery_margin: float


class ActiveBoostOut(Out):
    """A boost that counts now."""

    id: UUID
    slo: str
    source: str
    signal: Signal
    levels: int
    state: BoostState
    reason: str
    raised_at: datetime
    observed_at: datetime
    clear_since: datetime | None


class SloBudgetOut(Out):
    """One SLO of a service."""

    slo: str
    state: Band = Field(
        description="`unknown` when nobody measured it lately; the last known figures stay, with their age."
    )
    objective: float | None
    source: str | None
    last: FiguresOut | None
    age_seconds: float | None
    history: list[FiguresOut] = Field(description="The latest looks, newest first.")


class BudgetOut(Out):
    """The error budgets of a service."""

    service_id: UUID
    service: str
    state: Band = Field(description="The worst of its SLOs.")
    levels: int = Field(description="How far its strongest boost raises.")
    remaining: float | None = Field(description="The least that remains of any SLO, as last known.")
    age_seconds: float | None = Field(description="How old that figure is.")
    bands: BandsOut
    active_boosts: list[ActiveBoostOut]
    slos: list[SloBudgetOut]


class SloOut(Out):
    """What a service promises."""

    id: UUID
    version: int
    service: ServiceRef
    name: str
    title: str
    description: str
    objective: float = Field(description="A share, such as 0.999.")
    window_days: float
    source: str = Field(description="The format it came in: `sloth` or `openslo`.")
    spec: dict[str, Any] = Field(description="As it was imported.")
    created_at: datetime
    updated_at: datetime


BOOSTS = Listing(
    "boost",
    BoostOut,
    ("raised_at", "observed_at"),
    {"service_id": ("service_id", Op.EQ), "live": ("live", Op.EQ), "signal": ("signal", Op.IN), "slo": ("slo", Op.EQ)},
    "-raised_at",
)
SLOS = Listing(
    "slo", SloOut, ("name", "objective"), {"service": ("service", Op.IN), "search": ("name", Op.SEARCH)}, "name"
)


@router.post(
    "/services/{service}/priority-boosts",
    response_model=BoostOut,
    status_code=201,
    responses={200: {"model": BoostOut}},
)
async def raise_boost(ports: PortsDep, caller: CallerDep, service: Ref, body: BoostCreate) -> Response:
    """Raise a boost (201) or renew the one of the same key (200); renewing never counts against the daily quota."""
    sighted = await boosts.raise_boost(
        ports.uow,
        ports.clock,
        ports.policy.budgets,
        caller=caller,
        service=service,
        slo=body.slo,
        signal=body.signal,
        source=body.source,
        observed_at=body.observed_at,
        expires_at=body.expires_at,
        reason=body.reason or "",
        burn_rate=body.burn_rate,
        remaining=body.remaining,
    )
    return await answer_one(ports, caller, "boost", BoostOut, sighted.boost.id, status=201 if sighted.is_new else 200)


@router.get("/services/{service}/priority-boosts", response_model=Page[BoostOut])
async def list_boosts(
    ports: PortsDep,
    caller: ReaderDep,
    service: Ref,
    live: Annotated[bool | None, Query(description="Only those that count now, or only those that have ended.")] = None,
    signal: Annotated[str | None, Query(description="Comma-separated.")] = None,
    slo: Annotated[str | None, Query(max_length=500, description="The SLO's name.")] = None,
    sort: SortBy = None,
    limit: Limit = 50,
    after: After = None,
) -> Response:
    """The ledger of a service, newest first."""
    id = await id_by_ref(ports, caller, "service", service, "slug")
    filters = {"service_id": id, "live": live, "signal": many(signal, list(Signal)), "slo": slo}
    return await answer_list(ports, caller, BOOSTS, filters=filters, sort=sort, limit=limit, after=after)


@router.delete("/services/{service}/priority-boosts/{boost_id}", status_code=204)
async def lift_boost(ports: PortsDep, caller: CallerDep, service: Ref, boost_id: UUID) -> None:
    """End a boost now. It stays in the ledger; a signal that goes on raises a new one."""
    await boosts.lift_boost(
        ports.uow, ports.clock, ports.policy.budgets, caller=caller, service=service, boost_id=boost_id
    )


@router.get("/services/{service}/budget", response_model=BudgetOut)
async def get_budget(ports: PortsDep, caller: ReaderDep, service: Ref) -> BudgetOut:
    """State, bands, active boosts and recent history. A budget nobody measured lately is `unknown`, never recovered."""
    view = await budgets.get_budget(ports.uow, ports.clock, ports.policy.budgets, caller=caller, service=service)
    return _budget(view, ports.policy.budgets)


@router.get("/slos", response_model=Page[SloOut])
async def list_slos(
    ports: PortsDep,
    caller: ReaderDep,
    service: Annotated[str | None, Query(description="Slugs, comma-separated.")] = None,
    search: Annotated[str | None, Query(max_length=200, description="In the name.")] = None,
    sort: SortBy = None,
    limit: Limit = 50,
    after: After = None,
) -> Response:
    """SLO definitions, by name. `norepeat slo import` brings them in."""
    filters = {"service": many(service), "search": search}
    return await answer_list(ports, caller, SLOS, filters=filters, sort=sort, limit=limit, after=after)


@router.get("/slos/{slo_id}", response_model=SloOut)
async def get_slo(ports: PortsDep, caller: ReaderDep, slo_id: UUID) -> Response:
    """One SLO definition."""
    return await answer_one(ports, caller, "slo", SloOut, slo_id)


def _budget(view: ServiceBudget, policy: BudgetPolicy) -> BudgetOut:
    known = [budget for budget in view.slos if budget.last and budget.last.remaining is not None]
    least = min(known, key=lambda b: b.last.remaining if b.last and b.last.remaining is not None else 1, default=None)
    return BudgetOut(
        service_id=view.service_id,
        service=view.service,
        state=view.band,
        levels=view.levels,
        remaining=least.last.remaining if least and least.last else None,
        age_seconds=least.age if least else None,
        bands=BandsOut(
            exhausted_at=policy.exhausted_at, low_at=policy.low_at, recovery_margin=policy.recovery_margin
        ),
        active_boosts=[
            ActiveBoostOut(
                id=b.id, slo=b.key.slo, source=b.key.source, signal=b.key.signal, levels=b.levels, state=b.state,
                reason=b.reason, raised_at=b.raised_at, observed_at=b.observed_at, clear_since=b.clear_since,
            )
            for b in view.boosts
        ],
        slos=[_slo(budget) for budget in view.slos],
    )  # fmt: skip


def _slo(budget: SloBudget) -> SloBudgetOut:
    history = [
        FiguresOut(observed_at=m.at, remaining=m.remaining, burn_rate=m.burn_rate, rates=dict(m.rates))
        for m in budget.history
    ]
    return SloBudgetOut(
        slo=budget.slo,
        state=budget.band,
        objective=budget.objective,
        source=budget.source,
        last=history[0] if history else None,
        age_seconds=budget.age,
        history=history,
    )
