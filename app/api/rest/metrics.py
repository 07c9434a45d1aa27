"""REST: the metrics that say whether postmortems change anything."""

from datetime import UTC, datetime
from typing import Annotated, Literal, NamedTuple
from zoneinfo import ZoneInfo

from fastapi import APIRouter, Depends, Query

from app.api.deps import PortsDep, ReaderDep
from app.api.reading import many
from app.api.schemas import Instant
from app.domain.errors import Invalid
from app.domain.incidents.model import Severity
from app.domain.learning.all_metrics import PostmortemMetrics
from app.domain.learning.completion import Completion
from app.domain.learning.durations import DurationTrend
from app.domain.learning.effectiveness import FixEffectiveness
from app.domain.learning.facts import FactFilter, Phase
from app.domain.learning.follow_through import FollowThrough
from app.domain.learning.measures import DAY, LONGEST_LOOKBACK, USUAL_LOOKBACK, Window
from app.domain.learning.recurrence_rate import RecurrenceRate
from app.domain.learning.severities import SeverityDistribution
from app.domain.learning.use_cases import metrics
from app.domain.ports import Ports

router = APIRouter(prefix="/metrics", tags=["metrics"])
EARLIEST = datetime(1990, 12, 31, tzinfo=UTC)


class Question(NamedTuple):
    """What is asked for; `ever` reaches back as far as can be, unless a lookback is given."""

    where: FactFilter
    window: Window
    ever: Window


def window_asked(
    ports: PortsDep,
    as_of: Annotated[Instant | None, Query(description="The end of the window; now unless given.")] = None,
    lookback_days: Annotated[
        int | None,
        Query(ge=1, le=LONGEST_LOOKBACK, description="How far back; 365 unless given, for effectiveness everything."),
    ] = None,
    interval: Annotated[Literal["week", "month", "quarter"], Query(description="Length of a bucket.")] = "month",
    team: Annotated[str | None, Query(max_length=100, description="A team's slug.")] = None,
    service: Annotated[str | None, Query(max_length=100, description="A service's slug.")] = None,
    severity: Annotated[str | None, Query(max_length=20, description="P1 to P5, comma-separated.")] = None,
) -> Question:
    now = ports.clock()
    if as_of is not None and as_of > now:
        raise Invalid("as_of lies in the future; what has not happened cannot be measured.")
    if as_of is not None and as_of - LONGEST_LOOKBACK * DAY < EARLIEST:
        raise Invalid("as_of lies before the year 2001; give a later one.")
    window = Window(
        as_of or now, lookback_days or USUAL_LOOKBACK, interval, ZoneInfo(ports.policy.organisation_time_zone)
    )
    ever = window if lookback_days else window.reaching_back(LONGEST_LOOKBACK)
    return Question(FactFilter(team, service, _severities(severity)), window, ever)


def _severities(text: str | None) -> tuple[int, ...]:
    names = many(text) or []
    if any(name not in Severity.__members__ for name in names):
        raise Invalid("severity is one or more of P1, P2, P3, P4, P5.")
    return tuple(int(Severity[name]) for name in names)


async def require_names(ports: Ports, where: FactFilter) -> None:
    """A misspelt team or service would look like a perfect one."""
    if not (where.team or where.service):
        return
    async with ports.uow() as u:
        if where.team and await u.teams.find_by_slug(where.team) is None:
            raise Invalid(f"There is no team “{where.team}”.")
        if where.service and await u.services.find_by_slug(where.service) is None:
            raise Invalid(f"There is no service “{where.service}”.")


async def question(ports: PortsDep, asked: Annotated[Question, Depends(window_asked)]) -> Question:
    """The question, about a team and a service that exist."""
    await require_names(ports, asked.where)
    return asked


Asked = Annotated[Question, Depends(question)]


@router.get("", response_model=PostmortemMetrics)
async def compute_postmortem_metrics(ports: PortsDep, caller: ReaderDep, asked: Asked) -> PostmortemMetrics:
    """All at once. Every number comes with `n`, `n_missing` and why; no data is null, never 0."""
    return await metrics.compute_postmortem_metrics(
        ports.facts, ports.metrics_policy, caller=caller, where=asked.where, window=asked.window
    )


@router.get("/recurrence", response_model=RecurrenceRate)
async def compute_recurrence(ports: PortsDep, caller: ReaderDep, asked: Asked) -> RecurrenceRate:
    """Share of postmortems whose root cause struck again within six months: the primary measure."""
    return await metrics.compute_recurrence(
        ports.facts, ports.metrics_policy, caller=caller, where=asked.where, window=asked.window
    )


@router.get("/completion", response_model=Completion)
async def compute_completion(ports: PortsDep, caller: ReaderDep, asked: Asked) -> Completion:
    """Share of action items done by the date they were promised for, and closed with evidence in time."""
    return await metrics.compute_completion(ports.facts, caller=caller, where=asked.where, window=asked.window)


@router.get("/detection", response_model=dict[Phase, DurationTrend])
async def compute_detection(ports: PortsDep, caller: ReaderDep, asked: Asked) -> dict[Phase, DurationTrend]:
    """Time from start to detection, acknowledgement, mitigation and resolution, in seconds, with its trend."""
    found = await metrics.compute_detection(
        ports.facts, ports.metrics_policy, caller=caller, where=asked.where, window=asked.window
    )
    return dict(found)


@router.get("/severity", response_model=SeverityDistribution)
async def compute_severity(ports: PortsDep, caller: ReaderDep, asked: Asked) -> SeverityDistribution:
    """Share of P1 and P2 among all incidents, with its trend."""
    return await metrics.compute_severity(
        ports.facts, ports.metrics_policy, caller=caller, where=asked.where, window=asked.window
    )


@router.get("/effectiveness", response_model=FixEffectiveness)
async def compute_effectiveness(ports: PortsDep, caller: ReaderDep, asked: Asked) -> FixEffectiveness:
    """Share of fixes accepted with evidence whose cause stayed away for six months, by control type.

    Over every acceptance ever recorded, those refuted later included, unless `lookback_days` says how far back.
    """
    return await metrics.compute_effectiveness(
        ports.facts, ports.metrics_policy, caller=caller, where=asked.where, window=asked.ever
    )


@router.get("/follow-through", response_model=FollowThrough)
async def compute_follow_through(ports: PortsDep, caller: ReaderDep, asked: Asked) -> FollowThrough:
    """Open items by age, overdue by team, time from incident to published postmortem, evidence rate, waived."""
    return await metrics.compute_follow_through(
        ports.facts, ports.metrics_policy, caller=caller, where=asked.where, window=asked.window
    )
