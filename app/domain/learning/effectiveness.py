"""Whether fixes that were accepted with evidence kept their cause away."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date

from app.domain.learning.measures import Measure, MetricsPolicy, Window, measure, share, total
from app.domain.learning.recurrence_rate import followed, survival, survival_interval
from app.domain.learning.statistics import Interval


@dataclass(frozen=True, slots=True)
class FixFollowUps:
    """Acceptances of evidence of one control type and root cause, from deployment to the recurrence on the service."""

    control_type: str
    recurred: Sequence[float] = ()
    censored: Sequence[float] = ()
    followed: int = 0
    seen_to_the_end: int = 0

    @property
    def n(self) -> int:
        return len(self.recurred) + len(self.censored) + self.followed


@dataclass(frozen=True, slots=True)
class FixCounts:
    """Acceptances in one bucket: how many, after how many the cause came back, how many may still see it."""

    n: int = 0
    recurred: int = 0
    young: int = 0
    missing: Mapping[str, int] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Fixes:
    """What happened after every acceptance of evidence, refuted ones included; `missing` by control type."""

    buckets: Mapping[int, FixCounts] = field(default_factory=dict)
    groups: Sequence[FixFollowUps] = ()
    missing: Mapping[str, Mapping[str, int]] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Effectiveness:
    """Share of fixes whose cause stayed away for the policy's days; `at_risk` were followed that long."""

    effective: Measure
    interval: Interval | None
    at_risk: int


@dataclass(frozen=True, slots=True)
class FixBucket:
    """Acceptances of one bucket whose cause has not come back so far; `young` may still see it."""

    starts_on: date
    held: Measure
    young: int


@dataclass(frozen=True, slots=True)
class FixEffectiveness:
    """All fixes, those of each control type, and a series."""

    overall: Effectiveness
    by_control_type: Mapping[str, Effectiveness]
    buckets: tuple[FixBucket, ...]


def fix_effectiveness(
    found: Fixes, control_types: Sequence[str], window: Window, policy: MetricsPolicy
) -> FixEffectiveness:
    """1 - Kaplan-Meier recurrence at the policy's days after deployment, over acceptances of evidence.

    From the ledger of evidence, so what was refuted later stays in. A recurrence is a standard incident with the
    item's root cause, confirmed, on its service.
    """
    by_type = {
        kind: _effectiveness([g for g in found.groups if g.control_type == kind], found.missing.get(kind, {}), policy)
        for kind in control_types
    }
    missing = total({}, *found.missing.values())
    buckets = tuple(_bucket(on, found.buckets.get(no, FixCounts())) for no, on in enumerate(window.buckets()))
    return FixEffectiveness(_effectiveness(found.groups, missing, policy), by_type, buckets)


def _effectiveness(groups: Sequence[FixFollowUps], missing: Mapping[str, int], policy: MetricsPolicy) -> Effectiveness:
    curve = survival(groups, policy)
    recurred = followed(curve, sum(group.n for group in groups), missing)
    stayed_away = None if recurred.value is None else 1 - recurred.value
    interval = survival_interval(groups, curve, policy)
    return Effectiveness(
        measure(stayed_away, recurred.n, recurred.missing_because),
        Interval(1 - interval.high, 1 - interval.low) if interval else None,
        curve.at_risk if curve else 0,
    )


def _bucket(starts_on: date, counts: FixCounts) -> FixBucket:
    return FixBucket(starts_on, share(counts.n - counts.recurred, counts.n, counts.missing), counts.young)
