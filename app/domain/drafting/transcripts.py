"""Uploaded transcripts: an export of Slack, or plain text in which lines begin with a time."""

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from enum import StrEnum
from uuid import UUID
from zoneinfo import ZoneInfo

from app.domain.errors import Invalid
from app.domain.gathering import SourceFact
from app.domain.postmortems.content import TimelineKind


class TranscriptFormat(StrEnum):
    """How a transcript was written."""

    SLACK_EXPORT = "slack_export"
    JSON_LINES = "json_lines"
    PLAIN_TEXT = "plain_text"


class UnsupportedTranscript(Invalid):
    """This is neither a Slack export (a JSON list of messages with `ts`), nor lines of JSON, nor text with times."""

    code = "unsupported_transcript"


class TranscriptWithoutTimes(Invalid):
    """No line begins with a time. Begin each message with one, such as `14:05 ana: rolling back`."""

    code = "transcript_without_times"


class TranscriptStartNeeded(Invalid):
    """The lines have clock times without a date; say in `starts_on` on which day the first of them was written."""

    code = "transcript_start_needed"


class TooManyTranscripts(Invalid):
    """A postmortem holds at most ten transcripts."""

    code = "too_many_transcripts"


@dataclass(frozen=True, slots=True)
class Said:
    """A message of a transcript."""

    at: datetime
    author: str | None
    text: str


@dataclass(frozen=True, slots=True)
class Read:
    """The messages in order, the format, and how many more there were than may be kept."""

    format: TranscriptFormat
    messages: tuple[Said, ...]
    left_out: int = 0


@dataclass(frozen=True, slots=True)
class Transcript:
    """An uploaded transcript, redacted. `left_out` messages were more than may be kept."""

    id: UUID
    postmortem_id: UUID
    incident_id: UUID
    created_at: datetime
    uploaded_by: str
    name: str
    format: TranscriptFormat
    facts: tuple[SourceFact, ...]
    left_out: int = 0

    @property
    def starts_at(self) -> datetime:
        return self.facts[0].occurred_at

    @property
    def ends_at(self) -> datetime:
        return self.facts[-1].occurred_at


def facts_of(id: UUID, read: Read) -> tuple[SourceFact, ...]:
    return tuple(
        SourceFact(f"transcript:{id}/{n}", said.at, TimelineKind.COMMUNICATION, said.text, None, False, said.author)
        for n, said in enumerate(read.messages, 1)
    )


def read_transcript(content: str, *, zone: ZoneInfo, starts_on: date | None, most: int) -> Read:
    """Raises UnsupportedTranscript, TranscriptWithoutTimes, TranscriptStartNeeded."""
    text = content.lstrip("\ufeff").strip()
    if not text or sum(one < " " and one not in "\t\r\n" for one in text[:2000]) > 0:
        raise UnsupportedTranscript
    if text[0] in "[{" and (records := _json(text)) is not None:
        format, said = records
    else:
        format, said = TranscriptFormat.PLAIN_TEXT, _plain(text, zone, starts_on)
    if not said:
        raise TranscriptWithoutTimes
    ordered = sorted(said, key=lambda one: one.at)
    return Read(format, tuple(ordered[:most]), max(len(ordered) - most, 0))


def _json(text: str) -> tuple[TranscriptFormat, list[Said]] | None:
    """None where it is no JSON at all, such as a line that begins with `[14:05]`."""
    try:
        content = json.loads(text)
        format = TranscriptFormat.SLACK_EXPORT
    except ValueError:
        try:
            content = [json.loads(line) for line in text.splitlines() if line.strip()]
            format = TranscriptFormat.JSON_LINES
        except ValueError:
            return None
    except RecursionError as error:
        raise UnsupportedTranscript from error
    if isinstance(content, dict):
        content = content.get("messages", content)
    if not isinstance(content, list) or not all(isinstance(one, dict) for one in content):
        raise UnsupportedTranscript
    names = _names(content)
    said = [message for one in content if (message := _exported(one, names))]
    if not said:
        raise UnsupportedTranscript
    return format, said


def _names(content: Sequence[Mapping[str, object]]) -> Mapping[str, str]:
    """The names behind the ids that messages mention, from the profiles that an export carries."""
    return {user: name for one in content if isinstance(user := one.get("user"), str) and (name := _name(one))}


def _name(one: Mapping[str, object]) -> str | None:
    profile = one.get("user_profile")
    known = profile if isinstance(profile, Mapping) else {}
    for value in (known.get("display_name"), known.get("real_name"), one.get("username"), one.get("user")):
        if isinstance(value, str) and value:
            return value
    return None


_MARKED = re.compile(r"<([@#!]?)([^<>|\s]+)(?:\|([^<>]*))?>")


def _exported(one: Mapping[str, object], names: Mapping[str, str]) -> Said | None:
    """A message of an export; a deleted or empty one is none."""
    text, at = one.get("text"), _stamp(one.get("ts"))
    if not isinstance(text, str) or not text.strip() or at is None or one.get("subtype") == "tombstone":
        return None

    def shown(match: re.Match[str]) -> str:
        sign, target, label = match.groups()
        return f"{sign.replace('!', '@')}{label or names.get(target, target)}" if sign else target

    plain = _MARKED.sub(shown, text).replace("&lt;", "<").replace("&gt;", ">").replace("&amp;", "&")
    return Said(at, _name(one), _storable(plain))


def _stamp(value: object) -> datetime | None:
    """`1549383600.000200`, or an ISO time with an offset."""
    try:
        if isinstance(value, int | float) or (isinstance(value, str) and re.fullmatch(r"\d{9,11}(\.\d+)?", value)):
            return datetime.fromtimestamp(float(value), UTC)
        at = datetime.fromisoformat(value) if isinstance(value, str) else None
    except (ValueError, OverflowError, OSError):
        return None
    return at.astimezone(UTC) if at is not None and at.tzinfo is not None else None


def _storable(text: str) -> str:
    return text.replace("\x00", "").encode("utf-8", "ignore").decode()


_DATE = (
    r"(?P<date>\d{4}[-/]\d{2}[-/]\d{2}|\d{1,2}\.\d{1,2}\.\d{4}"
    r"|(?P<month>[A-Z][a-z]{2,8})\.? (?P<day>\d{1,2})(?:st|nd|rd|th)?,? (?P<year>\d{4}))"
)
_TIME = (
    r"(?P<hour>\d{1,2}):(?P<minute>\d{2})(?::(?P<second>\d{2})(?:[.,]\d+)?)?"
    r"(?P<half>\s?[AaPp]\.?[Mm]\.?)?(?P<zone>\s?(?:Z|UTC|GMT|[+-]\d{2}:?\d{2}))?"
)
_STAMPED = re.compile(rf"^\s*[\[(]?(?:{_DATE}(?:T|,? +(?:at )?))?{_TIME}[\])]?(?=\s|:|,|-|–|$)[\s,:–-]*(?P<rest>.*)$")
_HEADED = re.compile(
    rf"^(?P<who>\S[^\[\]:]{{0,60}}?)\s+(?:APP\s+)?[\[(]?(?:{_DATE}(?:T|,? +(?:at )?))?{_TIME}[\])]?\s*$"
)
_AUTHOR = re.compile(
    r"^(?:<(?P<angle>[^<>]{1,60})>|(?P<name>@?[^\s:|][^:|\n]{0,60}?)\s?[:|])\s+(?P<said>.*)$", re.DOTALL
)
_MONTHS = ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")
_BACK = timedelta(hours=6)


def _plain(text: str, zone: ZoneInfo, starts_on: date | None) -> list[Said]:
    """A line with a time begins a message, lines without belong to the one before; past midnight it is the next day."""
    said: list[tuple[datetime, str | None, list[str]]] = []
    day, previous = starts_on, None
    for line in text.splitlines():
        match = _STAMPED.match(line) or _HEADED.match(line)
        clock = _clock(match) if match else None
        if match is None or clock is None:
            if said:
                said[-1][2].append(line)
            continue
        day = _date(match) or day
        if day is None:
            raise TranscriptStartNeeded
        at = _instant(day, clock, match["zone"], zone)
        if previous is not None and match["date"] is None and previous - at > _BACK:
            day += timedelta(days=1)
            at = _instant(day, clock, match["zone"], zone)
        previous = at
        author, rest = _split(match)
        said.append((at, author, [rest]))
    joined = ((at, author, "\n".join(lines).strip()) for at, author, lines in said)
    return [Said(at, author, _storable(words)) for at, author, words in joined if words]


def _split(match: re.Match[str]) -> tuple[str | None, str]:
    if "who" in match.re.groupindex:
        return match["who"].strip(), ""
    named = _AUTHOR.match(match["rest"])
    return ((named["angle"] or named["name"]).strip(), named["said"]) if named else (None, match["rest"])


def _clock(match: re.Match[str]) -> time | None:
    hour, half = int(match["hour"]), (match["half"] or "").strip().lower()[:1]
    if half and not 1 <= hour <= 12:
        return None
    if half:
        hour = hour % 12 + 12 * (half == "p")
    try:
        return time(hour, int(match["minute"]), int(match["second"] or 0))
    except ValueError:
        return None


def _date(match: re.Match[str]) -> date | None:
    text = match["date"]
    if text is None:
        return None
    try:
        if match["month"]:
            return date(int(match["year"]), _MONTHS.index(match["month"][:3].lower()) + 1, int(match["day"]))
        if "." in text:
            day, month, year = map(int, text.split("."))
            return date(year, month, day)
        return date.fromisoformat(text.replace("/", "-"))
    except ValueError as error:
        raise UnsupportedTranscript(f"“{text}” is no date.") from error


def _instant(day: date, clock: time, offset: str | None, zone: ZoneInfo) -> datetime:
    offset = (offset or "").strip()
    if offset in ("Z", "UTC", "GMT"):
        return datetime.combine(day, clock, UTC)
    if offset:
        return datetime.fromisoformat(f"{day}T{clock}{offset}").astimezone(UTC)
    return datetime.combine(day, clock, zone).astimezone(UTC)
