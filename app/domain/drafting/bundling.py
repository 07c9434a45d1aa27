"""From what sources gave to a bundle: redacted, in order, each id once, bounded, chatter left out with the reason."""

from collections.abc import Iterable, Sequence
from dataclasses import replace

from app.domain.drafting.evidence import Bundle, Dropped, Evidence, EvidenceSort, SourceReport, SourceState
from app.domain.drafting.model import DraftPolicy
from app.domain.drafting.reading import is_chatter
from app.domain.drafting.redaction import Redactor
from app.domain.gathering import SourceFact, Window

_SORTS = {
    "alert": EvidenceSort.ALERT, "alertmanager": EvidenceSort.ALERT, "prometheus": EvidenceSort.ALERT,
    "deploy": EvidenceSort.DEPLOYMENT, "deployment": EvidenceSort.DEPLOYMENT, "pagerduty": EvidenceSort.PAGE,
}  # fmt: skip


def build_bundle(
    given: Sequence[tuple[SourceReport, Sequence[SourceFact]]], redactor: Redactor, window: Window, policy: DraftPolicy
) -> Bundle:
    """What several sources tell under one id is kept once, from the first of them."""
    kept: dict[str, Evidence] = {}
    dropped: list[Dropped] = []
    for report, facts in given:
        for fact in sorted(facts, key=lambda one: (one.occurred_at, one.id)):
            reason = _left_out(fact, window)
            if reason:
                dropped.append(Dropped(fact.id, fact.occurred_at, reason))
            elif fact.id not in kept:
                kept[fact.id] = _evidence(fact, report.name, redactor, policy)
    ordered = sorted(kept.values(), key=lambda one: (one.occurred_at, one.id))
    evidence, beyond = _bounded(ordered, policy.max_evidence)
    dropped += [Dropped(one.id, one.occurred_at, "bounded") for one in beyond]
    reports = tuple(_told(report, redactor, bool(beyond)) for report, _ in given)
    return Bundle(evidence, tuple(dropped), reports, redactor.counts)


def _left_out(fact: SourceFact, window: Window) -> str | None:
    if not window.holds(fact.occurred_at):
        return "outside"
    if not fact.text.strip():
        return "empty"
    return None if fact.machine else is_chatter(fact.text)


def _bounded(evidence: Sequence[Evidence], most: int) -> tuple[tuple[Evidence, ...], Iterable[Evidence]]:
    """What machines say goes first; of what people say, the earliest."""
    if len(evidence) <= most:
        return tuple(evidence), ()
    first = sorted(evidence, key=lambda one: one.by_a_person)[:most]
    ids = {one.id for one in first}
    return tuple(one for one in evidence if one.id in ids), [one for one in evidence if one.id not in ids]


def _told(report: SourceReport, redactor: Redactor, is_bounded: bool) -> SourceReport:
    message = redactor.redact(report.message) if report.message else None
    if is_bounded and report.state is SourceState.ANSWERED:
        message = message or "The bundle is full; what machines say and the earliest messages are in it."
        return replace(report, state=SourceState.BOUNDED, message=message)
    return replace(report, message=message)


def _evidence(fact: SourceFact, source: str, redactor: Redactor, policy: DraftPolicy) -> Evidence:
    def clean(text: str) -> str:
        transcript = fact.id.startswith("transcript:")
        return redactor.adopt(text, fact.id.split("/")[0]) if transcript else redactor.redact(text)

    sort = EvidenceSort.MESSAGE
    if fact.machine:
        sort = _SORTS.get(fact.id.partition(":")[0], EvidenceSort.ANNOTATION)
    return Evidence(
        id=fact.id,
        occurred_at=fact.occurred_at,
        source=source,
        sort=sort,
        text=clean(fact.text)[: policy.max_text],
        author=clean(fact.author) if fact.author else None,
        url=clean(fact.url) if fact.url else None,
        kind=fact.kind if fact.machine else None,
    )
