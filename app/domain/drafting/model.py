"""A draft: a machine's proposal for a postmortem with the evidence it rests on, and what people decided about it."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from enum import StrEnum
from typing import NoReturn
from uuid import UUID

from app.domain.drafting.evidence import Bundle
from app.domain.drafting.proposal import ProposedSections, ProposedTimeline
from app.domain.errors import Invalid, NotFound, WrongState
from app.domain.postmortems.content import TimelineKind


class DraftState(StrEnum):
    """queued → gathering → writing → checking → ready; or failed, or cancelled."""

    QUEUED = "queued"
    GATHERING = "gathering"
    WRITING = "writing"
    CHECKING = "checking"
    READY = "ready"
    FAILED = "failed"
    CANCELLED = "cancelled"


RUNNING = (DraftState.QUEUED, DraftState.GATHERING, DraftState.WRITING, DraftState.CHECKING)


class Verb(StrEnum):
    """What a person decides about a line or a section."""

    ACCEPT = "accept"
    EDIT = "edit"
    REJECT = "reject"


@dataclass(frozen=True, slots=True)
class Decision:
    """What a person decided about a part of the proposal, such as `timeline:3`, `section:summary`, `item:0`;
    `text`, `occurred_at` and `kind` are what it says instead, where it was edited."""

    part: str
    verb: Verb
    by_id: UUID
    at: datetime
    text: str | None = None
    occurred_at: datetime | None = None
    kind: TimelineKind | None = None


@dataclass(frozen=True, slots=True)
class DraftPolicy:
    """How drafts are made. A draft that stops midway is taken up again when its lease ends."""

    lease: timedelta = timedelta(minutes=2)
    writing_lease: timedelta = timedelta(minutes=6)
    max_attempts: int = 3
    patience: timedelta = timedelta(seconds=30)
    margin: timedelta = timedelta(hours=1)
    max_evidence: int = 20_000
    max_transcript_messages: int = 20_000
    max_transcripts: int = 10
    max_text: int = 4_000


class DraftWrongState(WrongState):
    """The draft cannot take this step from its present state."""

    code = "draft_wrong_state"


class DraftRunning(WrongState):
    """A draft of this postmortem is being written; wait for it, or cancel it."""

    code = "draft_running"


class IncidentWithoutStart(Invalid):
    """Nobody knows when the incident was, so no source can be asked; set `started_at`, or upload a transcript."""

    code = "incident_without_start"


class PartDecided(WrongState):
    """This part of the draft was decided on already."""

    code = "part_decided"


@dataclass(frozen=True, slots=True)
class Draft:
    """A proposal for a postmortem. Nothing of it is in the postmortem until a person accepts or edits it."""

    id: UUID
    postmortem_id: UUID
    incident_id: UUID
    created_at: datetime
    updated_at: datetime
    requested_by: str
    state: DraftState = DraftState.QUEUED
    attempts: int = 0
    lease_until: datetime | None = None
    error: str | None = None
    bundle: Bundle = field(default_factory=Bundle)
    timeline: ProposedTimeline = field(default_factory=ProposedTimeline)
    sections: ProposedSections = field(default_factory=ProposedSections)
    decisions: Mapping[str, Decision] | None = None
    version: int = 1

    @property
    def is_running(self) -> bool:
        return self.state in RUNNING

    @property
    def decided(self) -> Mapping[str, Decision]:
        return self.decisions or {}

    def begun(self, now: datetime, policy: DraftPolicy) -> "Draft":
        """Taken up, for the first time or after what held it was cut off; one that never ends is given up."""
        if self.attempts >= policy.max_attempts:
            return self.failed("It was cut off too often; ask for another draft.")
        return replace(
            self, state=DraftState.GATHERING, attempts=self.attempts + 1, lease_until=now + policy.lease, error=None
        )

    def gathered(self, bundle: Bundle, timeline: ProposedTimeline, lease_until: datetime) -> "Draft":
        return replace(self, state=DraftState.WRITING, bundle=bundle, timeline=timeline, lease_until=lease_until)

    def written(self, sections: ProposedSections) -> "Draft":
        return replace(self, state=DraftState.CHECKING, sections=sections)

    def ready(self) -> "Draft":
        return replace(self, state=DraftState.READY, lease_until=None)

    def failed(self, reason: str) -> "Draft":
        return replace(self, state=DraftState.FAILED, lease_until=None, error=reason)

    def cancel(self) -> "Draft":
        if not self.is_running:
            self._refuse("cancelled")
        return replace(self, state=DraftState.CANCELLED, lease_until=None)

    def decide(self, decision: Decision) -> "Draft":
        """A person's word on one part. Raises NotFound, PartDecided, DraftWrongState."""
        if self.state is not DraftState.READY:
            self._refuse("reviewed")
        if decision.part not in self.parts:
            raise NotFound(f"The draft has no part “{decision.part}”.")
        if decision.part in self.decided:
            raise PartDecided(f"“{decision.part}” was decided on already; change the postmortem itself.")
        return replace(self, decisions={**self.decided, decision.part: decision})

    @property
    def parts(self) -> tuple[str, ...]:
        """What can be decided on."""
        return (
            *(f"timeline:{entry.id}" for entry in self.timeline.entries),
            *(f"section:{section.name}" for section in self.sections.sections),
            *(f"factor:{factor.code}" for factor in self.sections.factors),
            *(f"item:{number}" for number, _ in enumerate(self.sections.items)),
        )

    def _refuse(self, verb: str) -> NoReturn:
        raise DraftWrongState(f"A {self.state} draft cannot be {verb}.")
