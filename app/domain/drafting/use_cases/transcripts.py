"""Uploading a transcript: read, redacted, and only then stored."""

from dataclasses import replace
from datetime import date
from uuid import UUID
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from app.domain.access import Action, Caller, authorize
from app.domain.drafting.model import DraftPolicy
from app.domain.drafting.redaction import FindPhones, RedactionPolicy, Redactor
from app.domain.drafting.transcripts import TooManyTranscripts, Transcript, facts_of, read_transcript
from app.domain.errors import Invalid
from app.domain.events import Event, EventType
from app.domain.ids import new_id
from app.domain.policy import Policy
from app.domain.ports import Clock, OpenUnitOfWork


async def upload_transcript(
    uow: OpenUnitOfWork,
    clock: Clock,
    policy: Policy,
    draft_policy: DraftPolicy,
    redaction: RedactionPolicy,
    find_phones: FindPhones,
    *,
    caller: Caller,
    postmortem_id: UUID,
    name: str,
    content: str,
    starts_on: date | None = None,
    time_zone: str | None = None,
) -> Transcript:
    """Keep what was said, for drafts. Raises UnsupportedTranscript, TranscriptWithoutTimes, TranscriptStartNeeded,
    TooManyTranscripts."""
    authorize(caller, Action.WRITE_POSTMORTEM)
    zone = _zone(time_zone or policy.organisation_time_zone)
    async with uow() as u:
        await u.postmortems.get(postmortem_id, caller)
    read = read_transcript(content, zone=zone, starts_on=starts_on, most=draft_policy.max_transcript_messages)
    id, now, redactor = new_id(), clock(), Redactor(redaction, find_phones)
    facts = tuple(
        replace(
            fact,
            text=redactor.redact(fact.text)[: draft_policy.max_text],
            author=redactor.redact(fact.author) if fact.author else None,
        )
        for fact in facts_of(id, read)
    )
    async with uow() as u:
        postmortem = await u.postmortems.get(postmortem_id, caller)
        if await u.drafts.count_transcripts(postmortem_id) >= draft_policy.max_transcripts:
            raise TooManyTranscripts
        transcript = Transcript(
            id, postmortem.id, postmortem.incident_id, now, caller.actor, redactor.redact(name), read.format, facts,
            read.left_out,
        )  # fmt: skip
        await u.drafts.add_transcript(transcript)
        data = {"messages": len(facts), "left_out": read.left_out}
        type = EventType.TRANSCRIPT_UPLOADED
        await u.events.add(Event(type, postmortem.id, now, caller.actor, postmortem.incident_id, data))
        await u.commit()
    return transcript


def _zone(name: str) -> ZoneInfo:
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError) as error:
        raise Invalid(f"There is no time zone “{name}”; name one as Europe/Berlin.") from error
