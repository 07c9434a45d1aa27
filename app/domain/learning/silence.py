"""What silence after a fix says: it is evidence only where an incident was to be expected."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from uuid import UUID

from app.domain.actions.evidence import Verdict
from app.domain.learning.risk import Exposure, probability_of_silence, window_for_silence
from app.domain.learning.statistics import GammaPrior
from app.domain.policy import EvidencePolicy


@dataclass(frozen=True, slots=True)
class SilenceOutcome:
    """The verdict of a `no_recurrence` check; `longer_window_days` where it has to wait longer to mean anything."""

    verdict: Verdict
    detail: Mapping[str, object] = field(default_factory=dict)
    longer_window_days: int | None = None


def silence_verdict(
    *,
    recurrences: Sequence[tuple[UUID | None, datetime]],
    prior: GammaPrior,
    before_fix: Exposure,
    window_days: int,
    window_is_over: bool,
    policy: EvidencePolicy,
) -> SilenceOutcome:
    """Failed if it came back; passed if silence was improbable without the fix; else wait longer, or say why not.

    The probability is that of the pair's posterior before the fix (`domain.md` §4 and §6).
    """
    if recurrences:
        incidents = [{"id": str(id) if id else None, "started_at": at.isoformat()} for id, at in recurrences]
        return SilenceOutcome(Verdict.FAILED, {"incidents": incidents})
    n, days = before_fix.n, before_fix.days
    probability = probability_of_silence(prior, n, days, window_days)
    detail = {"probability_of_silence": round(probability, 4), "n": n, "exposure_days": round(days, 1)}
    if probability > policy.max_silence_probability:
        return _wait_longer(prior, before_fix, detail, policy)
    if not window_is_over:
        return SilenceOutcome(Verdict.INCONCLUSIVE, detail | {"reason": "the window is not over yet"})
    return SilenceOutcome(Verdict.PASSED, detail)


def _wait_longer(
    prior: GammaPrior, before_fix: Exposure, detail: Mapping[str, object], policy: EvidencePolicy
) -> SilenceOutcome:
    longer = window_for_silence(
        prior,
        before_fix.n,
        before_fix.days,
        at_most=policy.max_silence_probability,
        max_days=policy.max_window_days,
    )
    if longer is None:
        reason = "it struck too rarely for silence to say anything; a drill, a metric or an attestation is needed too"
        return SilenceOutcome(Verdict.INCONCLUSIVE, {**detail, "reason": reason})
    reason = f"silence of so few days says nothing yet; the window is now {longer} days"
    return SilenceOutcome(Verdict.INCONCLUSIVE, {**detail, "reason": reason}, longer)
