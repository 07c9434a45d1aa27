"""Whether a pattern became rarer after its fix: the evidence that belongs to a meta-review's action item."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from zoneinfo import ZoneInfo

from app.domain.actions.evidence import Verdict
from app.domain.learning.statistics import fisher_exact
from app.domain.meta_reviews.period import Quarter

FOLLOWING = 2
"""So many whole quarters must have passed."""


@dataclass(frozen=True, slots=True)
class Rate:
    """A pattern in one quarter: n of `of` published postmortems."""

    period: Quarter
    n: int
    of: int

    @property
    def share(self) -> float | None:
        return self.n / self.of if self.of else None


@dataclass(frozen=True, slots=True)
class RateOutcome:
    """What the rates say, with what was observed."""

    verdict: Verdict
    detail: Mapping[str, object]


def quarters_after(deployed_at: datetime, reviewed: Quarter, zone: ZoneInfo) -> tuple[Quarter, Quarter]:
    """The two whole quarters after both the reviewed one and the one in which the fix went live."""
    first = max(Quarter.at(deployed_at, zone), reviewed).following
    return first, first.following


def rate_verdict(before: Rate, after: Sequence[Rate], now: datetime, zone: ZoneInfo) -> RateOutcome:
    """passed: both following quarters lie below the reviewed one; failed: neither does; else nothing is shown."""
    detail: dict[str, object] = {"before": _plain(before), "after": [_plain(rate) for rate in after]}
    last = after[-1].period
    if now < last.ends_at(zone):
        reason = f"{last} has not ended; the pattern is compared after it."
        return RateOutcome(Verdict.INCONCLUSIVE, {**detail, "reason": reason})
    shares = [rate.share for rate in after]
    base = before.share
    if base is None or any(share is None for share in shares):
        return RateOutcome(Verdict.INCONCLUSIVE, {**detail, "reason": "A quarter has no published postmortem."})
    detail["p"] = _p(before, after)
    below = [share is not None and share < base for share in shares]
    if all(below):
        return RateOutcome(Verdict.PASSED, detail)
    if any(below):
        reason = "Only one of the two quarters lies below the reviewed one."
        return RateOutcome(Verdict.INCONCLUSIVE, {**detail, "reason": reason})
    return RateOutcome(Verdict.FAILED, detail)


def _p(before: Rate, after: Sequence[Rate]) -> float:
    n, of = sum(rate.n for rate in after), sum(rate.of for rate in after)
    return fisher_exact(n, of - n, before.n, before.of - before.n)


def _plain(rate: Rate) -> dict[str, object]:
    return {"period": str(rate.period), "n": rate.n, "of": rate.of}
