"""How good a proposed timeline is, where people have published one of the same incident."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from app.domain.drafting.bundling import build_bundle
from app.domain.drafting.evidence import Bundle, EvidenceSort, SourceReport, SourceState
from app.domain.drafting.model import DraftPolicy
from app.domain.drafting.proposal import ProposedEntry
from app.domain.drafting.redaction import RedactionPolicy, Redactor, no_phones
from app.domain.drafting.timeline import TimelinePolicy, propose_timeline
from app.domain.gathering import SourceFact, Window

NEAR = timedelta(minutes=2)


@dataclass(frozen=True, slots=True)
class PublishedIncident:
    """What was written while it lasted, what was deployed, and when the published timeline's entries are."""

    messages: tuple[SourceFact, ...]
    deployments: tuple[SourceFact, ...]
    published: tuple[datetime, ...]


@dataclass(frozen=True, slots=True)
class TimelineScore:
    """`findable`: published entries near which there is any material; `found`: those near which an entry is proposed;
    `said`: proposed entries from what people wrote."""

    published: int = 0
    findable: int = 0
    found: int = 0
    proposed: int = 0
    said: int = 0
    ungrounded: int = 0

    def __add__(self, other: "TimelineScore") -> "TimelineScore":
        return TimelineScore(
            self.published + other.published, self.findable + other.findable, self.found + other.found,
            self.proposed + other.proposed, self.said + other.said, self.ungrounded + other.ungrounded,
        )  # fmt: skip

    @property
    def recall(self) -> float | None:
        return self.found / self.findable if self.findable else None

    @property
    def ungrounded_share(self) -> float | None:
        return self.ungrounded / self.proposed if self.proposed else None

    @property
    def said_per_published(self) -> float | None:
        return self.said / self.published if self.published else None


def score_timelines(incidents: Sequence[PublishedIncident]) -> TimelineScore:
    return sum(map(_score, incidents), TimelineScore())


def _score(incident: PublishedIncident) -> TimelineScore:
    facts = (*incident.messages, *incident.deployments)
    times = [fact.occurred_at for fact in facts]
    if not times:
        return TimelineScore(len(incident.published))
    report = SourceReport("material", SourceState.ANSWERED, len(facts))
    redactor = Redactor(RedactionPolicy(), no_phones)
    bundle = build_bundle([(report, facts)], redactor, Window(min(times), max(times)), DraftPolicy())
    entries = propose_timeline(bundle, TimelinePolicy())
    findable = [at for at in incident.published if _near(at, times)]
    return TimelineScore(
        published=len(incident.published),
        findable=len(findable),
        found=sum(_near(at, [entry.occurred_at for entry in entries]) for at in findable),
        proposed=len(entries),
        said=sum(bundle.by_id[entry.source_ids[0]].sort is EvidenceSort.MESSAGE for entry in entries),
        ungrounded=sum(not is_grounded(entry, bundle) for entry in entries),
    )


def _near(at: datetime, times: Sequence[datetime]) -> bool:
    return any(abs(at - one) <= NEAR for one in times)


def is_grounded(entry: ProposedEntry, bundle: Bundle) -> bool:
    """Every id is in the bundle, the time is a cited one, and what it says stands in the first of them."""
    known = bundle.by_id
    if not entry.source_ids or not all(id in known for id in entry.source_ids):
        return False
    first = known[entry.source_ids[0]]
    said = f"{first.author}: " if first.by_a_person and first.author else ""
    text = entry.text.removeprefix(said).removesuffix("…").strip()
    return entry.occurred_at == first.occurred_at and text in " ".join(first.text.split())
