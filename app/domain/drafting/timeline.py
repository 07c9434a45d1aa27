"""What happened when, from evidence alone: deployments and alerts always, of what people wrote what tells something."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import timedelta

from app.domain.drafting.evidence import Bundle, Evidence, EvidenceSort
from app.domain.drafting.proposal import ProposedEntry
from app.domain.drafting.reading import Reading, read_message
from app.domain.incidents.model import Incident
from app.domain.postmortems.content import TimelineKind


@dataclass(frozen=True, slots=True)
class TimelinePolicy:
    """How much of what people wrote becomes entries."""

    least_weight: float = 1.15
    joins_within: timedelta = timedelta(minutes=2)
    longest_entry: timedelta = timedelta(minutes=4)
    max_said: int = 200
    max_chars: int = 280
    trigger_within: timedelta = timedelta(hours=24)


@dataclass(slots=True)
class _Group:
    """Messages close together that make one entry; the one that tells most speaks."""

    members: list[tuple[Evidence, Reading]]

    @property
    def best(self) -> tuple[Evidence, Reading]:
        return max(self.members, key=lambda one: one[1].weight)


def propose_timeline(
    bundle: Bundle, policy: TimelinePolicy, incident: Incident | None = None
) -> tuple[ProposedEntry, ...]:
    """The entries in order; every one cites evidence of the bundle, and says nothing that is not in it."""
    told = [one for one in bundle.evidence if not one.by_a_person]
    entries = [_machine_entry(one, policy) for one in told]
    entries = _with_trigger(entries, told, incident, policy)
    groups = _grouped([one for one in bundle.evidence if one.by_a_person], policy)
    strongest = sorted(groups, key=lambda group: -group.best[1].weight)[: policy.max_said]
    entries += [_chat_entry(group, policy) for group in strongest]
    ordered = sorted(entries, key=lambda one: (one.occurred_at, one.source_ids))
    return tuple(replace(entry, id=str(number)) for number, entry in enumerate(ordered, 1))


def _grouped(messages: Sequence[Evidence], policy: TimelinePolicy) -> list[_Group]:
    """That somebody took it on is a phase of every incident, so the first who says so counts however short it is."""
    groups: list[_Group] = []
    responded = False
    for message in messages:
        reading = read_message(message.text)
        if reading is None:
            continue
        first_response = reading.kind is TimelineKind.RESPONSE and not responded
        if reading.weight < policy.least_weight and not first_response:
            continue
        responded = responded or first_response
        if groups and _joins(groups[-1], message, reading, policy):
            groups[-1].members.append((message, reading))
        else:
            groups.append(_Group([(message, reading)]))
    return groups


def _joins(group: _Group, message: Evidence, reading: Reading, policy: TimelinePolicy) -> bool:
    """The same kind of thing within a moment is one entry, but a long row of messages is several."""
    first, last = group.members[0][0], group.members[-1][0]
    same = reading.kind is group.members[-1][1].kind
    return (
        same
        and message.occurred_at - last.occurred_at <= policy.joins_within
        and message.occurred_at - first.occurred_at <= policy.longest_entry
    )


def _chat_entry(group: _Group, policy: TimelinePolicy) -> ProposedEntry:
    said, reading = group.best
    who = f"{said.author}: " if said.author else ""
    ids = dict.fromkeys((said.id, *(one.id for one, _ in group.members)))
    text = _cut(f"{who}{reading.sentence}", policy.max_chars)
    return ProposedEntry("", said.occurred_at, reading.kind, text, tuple(ids), "said")


def _machine_entry(one: Evidence, policy: TimelinePolicy) -> ProposedEntry:
    kind = one.kind or TimelineKind.NOTE
    if one.sort is EvidenceSort.ALERT and kind is TimelineKind.NOTE:
        kind = TimelineKind.DETECTION
    return ProposedEntry("", one.occurred_at, kind, _cut(one.text, policy.max_chars), (one.id,), one.sort.value)


def _with_trigger(
    entries: list[ProposedEntry], told: Sequence[Evidence], incident: Incident | None, policy: TimelinePolicy
) -> list[ProposedEntry]:
    """The last deployment before the incident began may have been its trigger; a person decides whether it was."""
    start = incident.occurred_at if incident else None
    if start is None:
        return entries
    before = [
        n
        for n, one in enumerate(told)
        if one.sort is EvidenceSort.DEPLOYMENT
        and entries[n].kind is TimelineKind.NOTE
        and timedelta(0) <= start - one.occurred_at <= policy.trigger_within
    ]
    if before:
        last = max(before, key=lambda n: told[n].occurred_at)
        entries[last] = replace(entries[last], kind=TimelineKind.TRIGGER, reason="last deployment before it began")
    return entries


def _cut(text: str, longest: int) -> str:
    line = " ".join(text.split())
    return line if len(line) <= longest else line[: longest - 1].rstrip() + "…"
