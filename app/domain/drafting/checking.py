"""Every sentence that a model wrote, held against the evidence it cites: kept, flagged or removed, with the reasons."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import timedelta

from app.domain.drafting.blame import blames
from app.domain.drafting.evidence import Bundle, Evidence
from app.domain.drafting.figures import clock_times_of, dates_of, figures_of
from app.domain.drafting.proposal import (
    Brief,
    ProposedFactor,
    ProposedItem,
    ProposedSection,
    ProposedSections,
    Provenance,
    Sentence,
    SentenceVerdict,
    Writing,
)
from app.domain.drafting.sources import Sources
from app.domain.drafting.written import Written, WrittenFactor, WrittenItem, WrittenLine, WrittenSentence
from app.domain.learning.taxonomy import FACTORS
from app.domain.postmortems.content import SectionName

RULES = 1
"""Which rules these are; what was checked by others is not used again."""
_CODES = frozenset(factor.code for factor in FACTORS)


@dataclass(frozen=True, slots=True)
class CheckPolicy:
    """How near a told time must be to its source, and how much of each part there should be."""

    tolerance: timedelta = timedelta(minutes=2)
    least_summary: int = 2
    most_summary: int = 3
    least_items: int = 3
    most_items: int = 5
    max_chars: int = 600


@dataclass(frozen=True, slots=True)
class Objection:
    """What is wrong with a sentence; the reason begins with a stable code."""

    verdict: SentenceVerdict
    reason: str


def check(
    written: Written, bundle: Bundle, brief: Brief, policy: CheckPolicy, provenance: Provenance
) -> ProposedSections:
    """The proposal. Nothing that a model wrote is in it unchecked; what is removed stays readable with the reason."""
    sources = Sources(bundle, brief)

    def sentence(one: WrittenSentence) -> Sentence:
        return check_sentence(one, sources, policy)

    root_cause = tuple(_with_because(sentence(one)) for one in written.root_cause)
    return ProposedSections(
        writing=Writing.WRITTEN,
        sections=(
            ProposedSection(SectionName.SUMMARY, tuple(sentence(one) for one in written.summary)),
            ProposedSection(SectionName.ROOT_CAUSE, root_cause),
        ),
        factors=_factors(written.factors, sources, policy),
        items=tuple(_item(one, sources, policy) for one in written.items[: policy.most_items]),
        timeline=tuple(_line(one, sources, policy) for one in sorted(written.timeline, key=lambda one: one.at)),
        warnings=(*warnings_of(bundle, sources), *_of_the_whole(written, policy)),
        provenance=provenance,
    )


def check_sentence(written: WrittenSentence, sources: Sources, policy: CheckPolicy) -> Sentence:
    """A statement with the ids that exist, its people by their role, and every objection to it."""
    text = " ".join(written.text.split())[: policy.max_chars]
    known = tuple(dict.fromkeys(id for id in written.source_ids if id in sources.by_id))
    neutral = Sentence(sources.people.by_role(text), known)
    cited = [sources.by_id[id] for id in known]
    objections = [
        *_unknown_ids(written, sources),
        *_uncited(known),
        *_named(text, neutral.text),
        *_times(neutral.text, cited, sources, policy.tolerance),
        *_numbers(neutral.text, cited, sources),
        *_names(neutral.text, sources),
        *_blame(neutral.text),
        *_orders(cited, sources),
    ]
    return _judged(neutral, objections)


def warnings_of(bundle: Bundle, sources: Sources) -> tuple[str, ...]:
    """What people should know of the evidence before they believe a text that rests on it."""
    return tuple(
        f"gives_orders: {one.id} reads like an order to a language model; it was treated as data."
        for one in bundle.evidence
        if one.id in sources.orders
    )


def _judged(sentence: Sentence, objections: Sequence[Objection]) -> Sentence:
    """The gravest verdict, with every reason once."""
    verdicts = {sentence.verdict, *(one.verdict for one in objections)}
    verdict = next(
        one for one in (SentenceVerdict.REMOVED, SentenceVerdict.FLAGGED, SentenceVerdict.KEPT) if one in verdicts
    )
    reasons = dict.fromkeys((*sentence.reasons, *(one.reason for one in objections)))
    return replace(sentence, verdict=verdict, reasons=tuple(reasons))


def _flag(reason: str) -> Objection:
    return Objection(SentenceVerdict.FLAGGED, reason)


def _remove(reason: str) -> Objection:
    return Objection(SentenceVerdict.REMOVED, reason)


def _unknown_ids(written: WrittenSentence, sources: Sources) -> Iterable[Objection]:
    for id in written.source_ids:
        if id not in sources.by_id:
            yield _flag(f"unknown_source: there is no evidence “{id[:80]}”.")


def _uncited(known: Sequence[str]) -> Iterable[Objection]:
    if not known:
        yield _remove("no_source: it cites no evidence.")


def _named(text: str, neutral: str) -> Iterable[Objection]:
    if text != neutral:
        yield _flag("person_named: a person's name was replaced by the role.")


def _times(text: str, cited: Sequence[Evidence], sources: Sources, tolerance: timedelta) -> Iterable[Objection]:
    for time in clock_times_of(text):
        if sources.is_instant(time, tolerance, cited):
            continue
        if sources.is_instant(time, tolerance):
            yield _flag(f"time_not_cited: {time.shown} is not when the cited evidence was{_when(cited)}.")
        else:
            yield _remove(f"time_contradicts: nothing happened at {time.shown}{_when(cited)}.")
    for date in dates_of(text):
        if not sources.is_day(date):
            yield _remove(f"date_contradicts: nothing happened on {date}.")


def _when(cited: Sequence[Evidence]) -> str:
    return f"; the source says {cited[0].occurred_at:%Y-%m-%d %H:%M} UTC" if cited else ""


def _numbers(text: str, cited: Sequence[Evidence], sources: Sources) -> Iterable[Objection]:
    for figure in figures_of(text):
        if sources.tells(figure, cited) or sources.spans(figure, cited):
            continue
        if sources.tells(figure):
            yield _flag(f"number_not_cited: {figure.shown} is not in the cited evidence.")
        else:
            yield _remove(f"number_in_no_source: {figure.shown} is in no source.")


def _names(text: str, sources: Sources) -> Iterable[Objection]:
    for name, is_identifier in sources.unknown_names(text):
        reason = f"name_in_no_source: “{name[:80]}” is in no source."
        yield _remove(reason) if is_identifier else _flag(reason)


def _blame(text: str) -> Iterable[Objection]:
    found = blames(text)
    if found:
        yield _flag(f"blame: “{found}” blames a person; say what in the system let it happen.")


def _orders(cited: Sequence[Evidence], sources: Sources) -> Iterable[Objection]:
    for one in cited:
        if one.id in sources.orders:
            yield _flag(f"rests_on_orders: {one.id} reads like an order to a language model.")


def _with_because(sentence: Sentence) -> Sentence:
    """A cause is told as what a condition of the system led to."""
    if "because" in sentence.text.lower():
        return sentence
    return _judged(sentence, [_flag("no_because: it does not say because of what.")])


def _line(line: WrittenLine, sources: Sources, policy: CheckPolicy) -> Sentence:
    text = f"{line.at:%Y-%m-%d %H:%M} UTC: {line.what.text}"
    return check_sentence(replace(line.what, text=text), sources, policy)


def _factors(written: Sequence[WrittenFactor], sources: Sources, policy: CheckPolicy) -> tuple[ProposedFactor, ...]:
    """Each code of the taxonomy once."""
    first = {one.code: one for one in reversed(written) if one.code in _CODES}
    return tuple(
        ProposedFactor(one.code, check_sentence(one.why, sources, policy))
        for one in written
        if first.get(one.code) is one
    )


def _item(item: WrittenItem, sources: Sources, policy: CheckPolicy) -> ProposedItem:
    """What a title proposes need not have happened, so its numbers are no claims; its names and wording are."""
    title = " ".join(item.title.split())[: policy.max_chars]
    neutral = sources.people.by_role(title)
    objections = [*_named(title, neutral), *_blame(neutral), *_names(neutral, sources)]
    owner = " ".join((item.owner or "").split()) or None
    if owner is None or sources.people.named_in(owner):
        objections.append(_flag("no_owner: no team or role is named to do it."))
        owner = None
    why = _judged(check_sentence(item.why, sources, policy), [_flag(f"title: {one.reason}") for one in objections])
    return ProposedItem(neutral, item.control_type, why, item.systemic, owner)


def _of_the_whole(written: Written, policy: CheckPolicy) -> Iterable[str]:
    summary, items = len(written.summary), len(written.items)
    if not policy.least_summary <= summary <= policy.most_summary:
        yield f"summary_length: {summary} sentences, not {policy.least_summary} to {policy.most_summary}."
    if not policy.least_items <= items <= policy.most_items:
        yield f"item_count: {items} action items, not {policy.least_items} to {policy.most_items}."
    unknown = sorted({one.code for one in written.factors} - _CODES)
    if unknown:
        yield f"unknown_factor: {', '.join(unknown)[:200]} is not in the taxonomy."
