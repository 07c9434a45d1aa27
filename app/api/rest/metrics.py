"""REST: the four metrics that say whether postmortems change anything."""

from typing import Annotated, Literal
from zoneinfo import ZoneInfo

from fastapi import APIRouter, Depends, Query

from app.api.deps import PortsDep, ReaderDep
from app.api.reading import many
from app.api.schemas import Instant
from app.domain.errors import Invalid
from app.domain.incidents.model import Severity
from app.domain.learning.facts import FactFilter, Phase
from app.domain.learning.measures import Window
from app.domain.learning.metrics import Completion, DurationTrend, SeverityDistribution
from app.domain.learning.recurrence_rate import RecurrenceRate
from app.domain.learning.use_cases import metrics
from app.domain.learning.use_cases.metrics import PostmortemMetrics
from app.domain.ports import Ports

router = APIRouter(prefix="/metrics", tags=["metrics"])


def window_asked(
    ports: PortsDep,
    as_of: Annotated[Instant | None, Query(description="The end of the window; now unless given.")] = None,
    lookback_days: Annotated[int, Query(ge=1, le=3660, description="How far the window reaches back.")] = 365,
    interval: Annotated[Literal["week", "month", "quarter"], Query(description="Length of a bucket.")] = "month",
    team: Annotated[str | None, Query(max_length=100, description="A team's slug.")] = None,
    service: Annotated[str | None, Query(max_length=100, description="A service's slug.")] = None,
    severity: Annotated[str | None, Query(max_length=20, description="P1 to P5, comma-separated.")] = None,
) -> tuple[FactFilter, Window]:
    now = ports.clock()
    if as_of is not None and as_of > now:
        raise Invalid("as_of lies in the future; what has not happened cannot be measured.")
    where = FactFilter(as_of or now, lookback_days, team, service, _severities(severity))
    return where, Window(as_of or now, lookback_days, interval, ZoneInfo(ports.policy.organisation_time_zone))


def _severities(text: str | None) -> tuple[int, ...]:
    names = many(text) or []
    if any(name not in Severity.__members__ for name in names):
        raise Invalid("severity is one or more of P1, P2, P3, P4, P5.")
    return tuple(int(Severity[name]) for name in names)


Asked = Annotated[tuple[FactFilter, Window], Depends(window_asked)]


async def require_names(ports: Ports, where: FactFilter) -> None:
    """A misspelt team or service would look like a perfect one."""
    async with ports.uow() as u:
        if where.team and await u.teams.find_by_slug(where.team) is None:
            raise Invalid(f"There is no team “{where.team}”.")
        if where.service and await u.services.find_by_slug(where.service) is None:
            raise Invalid(f"There is no service “{where.service}”.")


@router.get("", response_model=PostmortemMetrics)
async def compute_postmortem_metrics(ports: PortsDep, caller: ReaderDep, asked: Asked) -> PostmortemMetrics:
    """All four at once. Every number comes with `n`, `n_missing` and why; no data is null, never 0."""
    where, window = asked
    await require_names(ports, where)
    return await metrics.compute_postmortem_metrics(
        ports.facts, ports.metrics_policy, caller=caller, where=where, window=window
    )


@router.get("/recurrence", response_model=RecurrenceRate)
async def compute_recurrence(ports: PortsDep, caller: ReaderDep, asked: Asked) -> RecurrenceRate:
    """Share of postmortems whose root cause struck again within six months: the primary measure."""
    where, window = asked
    await require_names(ports, where)
    return await metrics.compute_recurrence(
        ports.facts, ports.metrics_policy, caller=caller, where=where, window=window
    )


@router.get("/completion", response_model=Completion)
async def compute_completion(ports: PortsDep, caller: ReaderDep, asked: Asked) -> Completion:
    """Share of action items done by the date they were promised for, and closed with evidence in time."""
    where, window = asked
    await require_names(ports, where)
    return await metrics.compute_completion(ports.facts, caller=caller, where=where, window=window)


@router.get("/detection", response_model=dict[Phase, DurationTrend])
async def compute_detection(ports: PortsDep, caller: ReaderDep, asked: Asked) -> dict[Phase, DurationTrend]:
    """Time from start to detection, acknowledgement, mitigation and resolution, in seconds, with its trend."""
    where, window = asked
    await require_names(ports, where)
    found = await metrics.compute_detection(
        ports.facts, ports.metrics_policy, caller=caller, where=where, window=window
    )
    return dict(found)


@router.get("/severity", response_model=SeverityDistribution)
async def compute_severity(ports: PortsDep, caller: ReaderDep, asked: Asked) -> SeverityDistribution:
    """Share of P1 and P2 among all incidents, with its trend."""
    where, window = asked
    await require_names(ports, where)
    return await metrics.compute_severity(ports.facts, ports.metrics_policy, caller=caller, where=where, window=window)
