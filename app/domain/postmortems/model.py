"""A postmortem: the learning of one incident, from required to published, and who signed what."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import date, datetime
from enum import IntEnum, StrEnum
from typing import NoReturn
from uuid import UUID

from app.domain.errors import Forbidden, Invalid, NotFound, OwnWork, WrongState
from app.domain.postmortems.content import (
    MAX_TIMELINE,
    ContributingFactor,
    DuplicateFactor,
    Review,
    Section,
    SectionName,
    TimelineEntry,
    TimelineFull,
    TimelineKind,
    Why,
)


class Tier(IntEnum):
    """How deep: 1 full, 2 standard, 3 one paragraph (the article's classification)."""

    FULL = 1
    STANDARD = 2
    SUMMARY = 3


class PostmortemStatus(StrEnum):
    """required → draft → in_review → approved → published; or waived."""

    REQUIRED = "required"
    DRAFT = "draft"
    IN_REVIEW = "in_review"
    APPROVED = "approved"
    PUBLISHED = "published"
    WAIVED = "waived"


class Audience(StrEnum):
    """Where a tier is published to."""

    ORGANISATION = "organisation"
    ENGINEERING = "engineering"
    INCIDENT_TRACKER = "incident_tracker"


AUDIENCE: Mapping[Tier, Audience] = {
    Tier.FULL: Audience.ORGANISATION,
    Tier.STANDARD: Audience.ENGINEERING,
    Tier.SUMMARY: Audience.INCIDENT_TRACKER,
}


@dataclass(frozen=True, slots=True)
class TierOverride:
    """A reviewer's decision against the proposal, with the reason."""

    tier: Tier
    reason: str
    by_id: UUID
    at: datetime


@dataclass(frozen=True, slots=True)
class SignOff:
    """A person's signature under exactly the content with this hash."""

    id: UUID
    person_id: UUID
    content_hash: str
    at: datetime


@dataclass(frozen=True, slots=True)
class Waiver:
    """Why no postmortem is written."""

    reason: str
    by_id: UUID
    at: datetime


@dataclass(frozen=True, slots=True)
class Publication:
    """A signed version that anyone allowed can read for ever; `content` is the frozen view as plain data."""

    number: int
    content_hash: str
    content: Mapping[str, object]
    audience: Audience
    signed_by_id: UUID
    published_at: datetime


class PostmortemWrongState(WrongState):
    """The postmortem cannot take this step from its present status."""

    code = "postmortem_wrong_state"


class NotReady(WrongState):
    """Something is missing before it can be published; `problems` lists it."""

    code = "postmortem_not_ready"


class ContentChanged(WrongState):
    """The content is not the one that was signed or seen; read it again and sign that."""

    code = "content_changed"


class WhysNotConfirmed(Invalid):
    """A reviewer confirms the five whys of a tier 1 postmortem with the signature."""

    code = "whys_not_confirmed"


@dataclass(frozen=True, slots=True)
class Postmortem:
    """The learning of one incident. `published_number` is the version that is readable while a revision is written."""

    id: UUID
    incident_id: UUID
    created_at: datetime
    updated_at: datetime
    proposed_tier: Tier
    tier_reasons: tuple[str, ...] = ()
    override: TierOverride | None = None
    status: PostmortemStatus = PostmortemStatus.DRAFT
    author_id: UUID | None = None
    facilitator_id: UUID | None = None
    sections: Mapping[SectionName, Section] = field(default_factory=dict)
    whys: tuple[Why, ...] = ()
    phase_explanations: Mapping[TimelineKind, str] = field(default_factory=dict)
    timeline: tuple[TimelineEntry, ...] = ()
    factors: tuple[ContributingFactor, ...] = ()
    linked_item_ids: tuple[UUID, ...] = ()
    review: Review | None = None
    sign_offs: tuple[SignOff, ...] = ()
    waiver: Waiver | None = None
    due_on: date | None = None
    published_at: datetime | None = None
    published_number: int = 0
    version: int = 1

    def __post_init__(self) -> None:
        if len({factor.code for factor in self.factors}) != len(self.factors):
            raise DuplicateFactor
        if len(self.timeline) > MAX_TIMELINE:
            raise TimelineFull

    @property
    def tier(self) -> Tier:
        return self.override.tier if self.override else self.proposed_tier

    @property
    def needs_reviewer(self) -> bool:
        """Tier 1 and 2 are signed by a reviewer who is not the author; tier 3 by its author."""
        return self.tier is not Tier.SUMMARY

    def edited(self, by_id: UUID | None, *, keeps_signature: bool = False) -> "Postmortem":
        """The state after an edit: a required one is begun, a signed one loses its approval unless what was signed is
        still the same, a published one opens a revision while the signed version stays readable."""
        if self.status is PostmortemStatus.WAIVED:
            self._refuse("edited")
        status = self._status_after_edit(keeps_signature)
        return replace(self, status=status, author_id=self.author_id or by_id)

    def _status_after_edit(self, keeps_signature: bool) -> PostmortemStatus:
        approved = self.status is PostmortemStatus.APPROVED
        if self.status is PostmortemStatus.IN_REVIEW or (approved and keeps_signature):
            return self.status
        return PostmortemStatus.IN_REVIEW if approved and self.needs_reviewer else PostmortemStatus.DRAFT

    def with_author(self, author_id: UUID, *, by_id: UUID | None) -> "Postmortem":
        """Name the author. An author cannot hand their own work over, or they could sign it as a reviewer."""
        if self.author_id is not None and self.author_id != author_id and by_id == self.author_id:
            raise OwnWork("Somebody else must take over from the author.")
        return replace(self, author_id=author_id)

    def with_whys(self, texts: tuple[str, ...]) -> "Postmortem":
        """The five whys in order; one that changes has to be confirmed anew."""
        old = dict(enumerate(self.whys))
        whys = (old[i] if i in old and old[i].text == text else Why(text) for i, text in enumerate(texts))
        return replace(self, whys=tuple(whys))

    def entry(self, id: UUID) -> TimelineEntry:
        """Raises NotFound."""
        for entry in self.timeline:
            if entry.id == id:
                return entry
        raise NotFound(f"There is no timeline entry with the id {id}.")

    def with_entry(self, new: TimelineEntry) -> "Postmortem":
        """The entry with this id is `new`, or is added; a timeline is in order."""
        return replace(self, timeline=self._entries_but(new.id)).with_entries((new,))

    def with_entries(self, new: tuple[TimelineEntry, ...]) -> "Postmortem":
        """These are added."""
        entries = (*self.timeline, *new)
        return replace(self, timeline=tuple(sorted(entries, key=lambda entry: (entry.occurred_at, entry.id))))

    def without_entry(self, id: UUID) -> "Postmortem":
        return replace(self, timeline=self._entries_but(self.entry(id).id))

    def _entries_but(self, id: UUID) -> tuple[TimelineEntry, ...]:
        return tuple(entry for entry in self.timeline if entry.id != id)

    def propose_tier(self, tier: Tier, reasons: tuple[str, ...]) -> "Postmortem":
        """The rules say this depth; a reviewer's override stays above it. Another depth needs another signature."""
        proposed = replace(self, proposed_tier=tier, tier_reasons=reasons)
        void = self.status is PostmortemStatus.APPROVED and proposed.tier is not self.tier
        return proposed.edited(None) if void else proposed

    def override_tier(self, override: TierOverride) -> "Postmortem":
        """A reviewer who is not the author says how deep; a required one is not begun by that."""
        if override.by_id == self.author_id:
            raise OwnWork("The author cannot override the tier of their own postmortem.")
        required = self.status is PostmortemStatus.REQUIRED
        return replace(self if required else self.edited(None), override=override)

    def submit(self) -> "Postmortem":
        """draft → in_review."""
        self._require(PostmortemStatus.DRAFT, "submitted")
        return replace(self, status=PostmortemStatus.IN_REVIEW)

    def request_changes(self) -> "Postmortem":
        """in_review or approved → draft."""
        if self.status not in (PostmortemStatus.IN_REVIEW, PostmortemStatus.APPROVED):
            self._refuse("sent back")
        return replace(self, status=PostmortemStatus.DRAFT)

    def sign_off(self, signature: SignOff, *, current_hash: str, is_reviewer: bool, confirm_whys: bool) -> "Postmortem":
        """A signature under the content as it is: tiers 1 and 2 by a reviewer who is not the author, 3 by the author.

        Raises ContentChanged if the signer saw something else, OwnWork, WhysNotConfirmed, PostmortemWrongState.
        """
        if signature.content_hash != current_hash:
            raise ContentChanged
        if not self.needs_reviewer:
            return self._sign_summary(signature)
        self._require_signable(current_hash, PostmortemStatus.IN_REVIEW)
        if signature.person_id == self.author_id:
            raise OwnWork("A reviewer who is not the author signs a tier 1 or 2 postmortem.")
        if not is_reviewer:
            raise Forbidden("A tier 1 or 2 postmortem is signed by a reviewer.")
        if self.tier is Tier.FULL and not confirm_whys:
            raise WhysNotConfirmed
        whys = (replace(why, confirmed_by_id=signature.person_id) if confirm_whys else why for why in self.whys)
        return replace(self, status=PostmortemStatus.APPROVED, whys=tuple(whys), sign_offs=(*self.sign_offs, signature))

    def _sign_summary(self, signature: SignOff) -> "Postmortem":
        self._require_signable(signature.content_hash, PostmortemStatus.DRAFT, PostmortemStatus.IN_REVIEW)
        if signature.person_id != self.author_id:
            raise OwnWork("A tier 3 postmortem is signed by its author.")
        return replace(self, status=PostmortemStatus.APPROVED, sign_offs=(*self.sign_offs, signature))

    def _require_signable(self, current_hash: str, *statuses: PostmortemStatus) -> None:
        """An approved one is signed again where something else changed its content: an item's title, the cause."""
        void = self.status is PostmortemStatus.APPROVED and not self.is_signed(current_hash)
        if not void and self.status not in statuses:
            self._refuse("signed")

    def is_signed(self, content_hash: str) -> bool:
        """Whether the latest signature is under this content."""
        return bool(self.sign_offs) and self.sign_offs[-1].content_hash == content_hash

    def publish(self, content_hash: str, now: datetime) -> "Postmortem":
        """approved → published, if what is there is what was signed."""
        self._require(PostmortemStatus.APPROVED, "published")
        if not self.is_signed(content_hash):
            raise ContentChanged("The content changed after it was signed; it needs a new signature.")
        return replace(
            self, status=PostmortemStatus.PUBLISHED, published_at=now, published_number=self.published_number + 1
        )

    def waive(self, waiver: Waiver) -> "Postmortem":
        """No postmortem will be written; counted in follow-through."""
        if self.status in (PostmortemStatus.PUBLISHED, PostmortemStatus.WAIVED) or self.published_number:
            self._refuse("waived")
        if waiver.by_id == self.author_id:
            raise OwnWork("The author cannot waive their own postmortem.")
        return replace(self, status=PostmortemStatus.WAIVED, waiver=waiver)

    def _require(self, status: PostmortemStatus, verb: str) -> None:
        if self.status is not status:
            self._refuse(verb)

    def _refuse(self, verb: str) -> NoReturn:
        raise PostmortemWrongState(f"A {self.status} postmortem cannot be {verb}.")
