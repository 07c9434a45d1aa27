"""From what sources tell to a bundle and a timeline: what is left out, what is read, what cannot be so."""

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from itertools import count
from uuid import uuid4
from zoneinfo import ZoneInfo

import pytest

from app.adapters.models.timelines import read_published
from app.domain.drafting.bundling import build_bundle
from app.domain.drafting.contradictions import ContradictionPolicy, find_contradictions
from app.domain.drafting.evaluating import PublishedIncident, TimelineScore, is_grounded, score_timelines
from app.domain.drafting.evidence import Bundle, Evidence, EvidenceSort, SourceReport, SourceState
from app.domain.drafting.model import Draft, DraftPolicy, DraftState
from app.domain.drafting.proposal import ProposedEntry, ProposedSection, Sentence, SentenceVerdict
from app.domain.drafting.reading import is_chatter, read_message
from app.domain.drafting.redaction import RedactionPolicy, Redactor, no_phones
from app.domain.drafting.timeline import TimelinePolicy, propose_timeline
from app.domain.drafting.transcripts import (
    TranscriptFormat,
    TranscriptStartNeeded,
    TranscriptWithoutTimes,
    UnsupportedTranscript,
    read_transcript,
)
from app.domain.gathering import SourceFact, Window
from app.domain.incidents.model import Moments
from app.domain.postmortems.content import SectionName, TimelineKind
from tests import make
from tests.conftest import CONTRACTS

AT = datetime(2026, 5, 4, 14, 0, tzinfo=UTC)
KINDS = TimelineKind
_number = count(1)


def at(minutes: float) -> datetime:
    return AT + timedelta(minutes=minutes)


def said(minutes: float, text: str, author: str | None = "ana") -> Evidence:
    return Evidence(f"slack:C1/{next(_number)}", at(minutes), "slack", EvidenceSort.MESSAGE, text, author)


def told(minutes: float, sort: EvidenceSort, text: str = "It happened", kind: TimelineKind = KINDS.NOTE) -> Evidence:
    return Evidence(f"{sort}:{next(_number)}", at(minutes), "source", sort, text, kind=kind)


def timeline(*evidence: Evidence, **policy: object) -> tuple[ProposedEntry, ...]:
    return propose_timeline(Bundle(evidence), replace(TimelinePolicy(), **policy))  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("text", "kind"),
    [
        ("we are seeing 503 errors on checkout", KINDS.DETECTION),
        ("is anyone else seeing failures?", KINDS.DETECTION),
        ("taking a look", KINDS.RESPONSE),
        ("paged the database team", KINDS.ESCALATION),
        ("I suspect the new connection pool", KINDS.HYPOTHESIS),
        ("should we roll back?", KINDS.HYPOTHESIS),
        ("rolling back", KINDS.MITIGATION),
        ("restarted all workers", KINDS.MITIGATION),
        ("manual rollback worked", KINDS.RESOLUTION),
        ("error rate is back to normal", KINDS.RESOLUTION),
        ("posted an update on the status page", KINDS.COMMUNICATION),
        ("we are on v1.2.3 now", KINDS.TRIGGER),
    ],
)
def test_a_message_is_read_for_what_it_says_happened(text: str, kind: TimelineKind) -> None:
    found = read_message(text)
    assert found is not None
    assert found.kind is kind


@pytest.mark.parametrize("text", ["it is not fixed yet", "is it fixed?", "when it is resolved we go home"])
def test_what_is_not_resolved_is_no_resolution(text: str) -> None:
    found = read_message(text)
    assert found is None or found.kind is not KINDS.RESOLUTION


def test_code_and_quotes_are_not_read_as_speech() -> None:
    assert read_message("```\nrestarted\n```\n> rolling back") is None


@pytest.mark.parametrize(
    ("text", "reason"),
    [("lol", "chatter"), ("thanks :pray:", "chatter"), ("ana joined #ops", "membership"), ("rollback", None)],
)
def test_chatter_is_known_by_its_words(text: str, reason: str | None) -> None:
    assert is_chatter(text) == reason


def test_deployments_and_alerts_are_always_in_the_timeline() -> None:
    entries = timeline(
        told(0, EvidenceSort.DEPLOYMENT), told(5, EvidenceSort.ALERT), said(6, "hm, odd"), said(7, "restarted it all"),
        max_said=0,
    )  # fmt: skip
    assert [entry.kind for entry in entries] == [KINDS.NOTE, KINDS.DETECTION]
    assert [entry.id for entry in entries] == ["1", "2"]


def test_messages_of_one_kind_in_a_moment_are_one_entry() -> None:
    first, second, later = said(0, "restarted web-1"), said(1, "restarted web-2 (3 pods)"), said(9, "restarted web-3")
    one, two = timeline(first, second, later)
    assert set(one.source_ids) == {first.id, second.id}
    assert one.source_ids[0] == second.id
    assert one.occurred_at == second.occurred_at
    assert two.source_ids == (later.id,)


def test_a_long_row_of_messages_is_several_entries() -> None:
    assert len(timeline(*(said(n, f"restarted web-{n} now") for n in range(10)))) > 1


def test_the_first_who_takes_it_on_is_in_the_timeline() -> None:
    entries = timeline(said(0, "taking a look"), said(9, "taking a look"))
    assert [(entry.occurred_at, entry.kind) for entry in entries] == [(at(0), KINDS.RESPONSE)]


def test_a_long_text_is_cut_and_still_grounded() -> None:
    entry, *_ = timeline(one := said(0, "restarted " + "everything " * 60, None))
    assert entry.text.endswith("…")
    assert is_grounded(entry, Bundle((one,)))


def test_the_last_deployment_before_the_start_may_be_the_trigger() -> None:
    deployed = [told(-90, EvidenceSort.DEPLOYMENT), told(-3, EvidenceSort.DEPLOYMENT), told(9, EvidenceSort.DEPLOYMENT)]
    incident = replace(make.incident(), moments=Moments(started_at=AT))
    entries = propose_timeline(Bundle(tuple(deployed)), TimelinePolicy(), incident)
    assert [entry.kind for entry in entries] == [KINDS.NOTE, KINDS.TRIGGER, KINDS.NOTE]
    assert propose_timeline(Bundle((deployed[2],)), TimelinePolicy(), incident)[0].kind is KINDS.NOTE


def test_what_is_not_in_its_source_is_ungrounded() -> None:
    one = said(0, "restarted it")
    entry = ProposedEntry("1", one.occurred_at, KINDS.MITIGATION, "ana: restarted it", (one.id,))
    bundle = Bundle((one,))
    assert is_grounded(entry, bundle)
    assert not is_grounded(replace(entry, text="ana: destroyed it"), bundle)
    assert not is_grounded(replace(entry, source_ids=("slack:invented",)), bundle)
    assert not is_grounded(replace(entry, source_ids=()), bundle)
    assert not is_grounded(replace(entry, occurred_at=at(1)), bundle)


# ── Bundles ──────────────────────────────────────────────────────────────────────────────────────────────────────


def bundle_of(*facts: SourceFact, most: int = 100, state: SourceState = SourceState.ANSWERED) -> Bundle:
    report = SourceReport(
        "slack", state, len(facts), "gave up at bo@example.com" if state is SourceState.FAILED else None
    )
    redactor = Redactor(RedactionPolicy(), no_phones)
    policy = DraftPolicy(max_evidence=most)
    return build_bundle([(report, facts)], redactor, Window(at(-60), at(60)), policy)


def fact(id: str, minutes: float = 0, text: str = "restarted it", *, machine: bool = False) -> SourceFact:
    return SourceFact(
        id, at(minutes), KINDS.COMMUNICATION, text, "https://x.example/?token=abc123", machine, "a@b.example"
    )


def test_a_bundle_keeps_each_id_once_in_order_and_says_why_the_rest_is_left_out() -> None:
    bundle = bundle_of(
        fact("b", 2), fact("a", 1), fact("b", 3, "again"), fact("c", 90), fact("d", 4, "  "), fact("e", 5, "ok")
    )
    assert [one.id for one in bundle.evidence] == ["a", "b"]
    assert {one.id: one.reason for one in bundle.dropped} == {"c": "outside", "d": "empty", "e": "chatter"}
    assert bundle.evidence[0].author == "[email-1]"
    assert bundle.evidence[0].url == "https://x.example/?token=[signature-1]"
    assert bundle.redactions == {"email": 1, "signature": 1}


@pytest.mark.parametrize(
    ("id", "sort"),
    [
        ("alert:f@1", EvidenceSort.ALERT), ("deployment:1:done", EvidenceSort.DEPLOYMENT),
        ("pagerduty:log:1", EvidenceSort.PAGE), ("grafana:4", EvidenceSort.ANNOTATION),
    ],
)  # fmt: skip
def test_what_machines_say_is_sorted_by_its_id(id: str, sort: EvidenceSort) -> None:
    (one,) = bundle_of(replace(fact(id, machine=True), author=None, url=None)).evidence
    assert (one.sort, one.kind, one.author, one.url) == (sort, KINDS.COMMUNICATION, None, None)


def test_a_full_bundle_keeps_what_machines_say_and_says_so() -> None:
    bundle = bundle_of(fact("a", 1), fact("b", 2), fact("m", 3, machine=True), most=2)
    assert [one.id for one in bundle.evidence] == ["a", "m"]
    assert [(one.id, one.reason) for one in bundle.dropped] == [("b", "bounded")]
    assert bundle.sources[0].state is SourceState.BOUNDED
    assert bundle.sources[0].message


def test_the_reason_of_a_failure_is_redacted_too() -> None:
    (failed,) = bundle_of(state=SourceState.FAILED).failed
    assert failed.message == "gave up at [email-1]"


# ── Contradictions ───────────────────────────────────────────────────────────────────────────────────────────────


def contradictions(*evidence: Evidence, zones: tuple[str, ...] = ("UTC",), **moments: datetime | None) -> list[str]:
    bundle = Bundle(evidence)
    incident = replace(make.incident(), moments=Moments(**moments)) if moments else None
    entries = propose_timeline(bundle, TimelinePolicy(), incident)
    places = tuple(map(ZoneInfo, zones))
    return [one.code for one in find_contradictions(bundle, entries, incident, places, ContradictionPolicy())]


def test_moments_out_of_order_are_a_contradiction() -> None:
    assert contradictions(detected_at=at(9), resolved_at=at(3)) == ["moments_out_of_order"]
    assert contradictions(detected_at=at(3), resolved_at=at(9)) == []


def test_a_resolution_before_the_first_detection_is_a_contradiction() -> None:
    evidence = (said(0, "the rollback worked"), said(30, "seeing 503 errors again everywhere"))
    assert contradictions(*evidence) == ["resolved_before_detected"]


def test_an_alert_after_the_end_is_a_contradiction() -> None:
    late = told(30, EvidenceSort.ALERT, kind=KINDS.DETECTION)
    assert contradictions(late, started_at=at(0), resolved_at=at(9)) == ["alert_after_resolution"]
    assert contradictions(late, started_at=at(0), resolved_at=at(40)) == []
    assert contradictions(late, started_at=at(0)) == []


@pytest.mark.parametrize(
    ("text", "zones", "found"),
    [
        ("it broke at 14:05", ("UTC",), True),
        ("it broke at 14:29", ("UTC",), False),
        ("it broke at 2:05 pm", ("UTC",), True),
        ("it broke at 16:30", ("UTC", "Europe/Berlin"), False),
        ("it broke at 16:30 UTC", ("Europe/Berlin",), True),
        ("see you at 23:00", ("UTC",), False),
        ("ratio 14:05", ("UTC",), False),
    ],
)
def test_a_time_told_otherwise_is_a_contradiction(text: str, zones: tuple[str, ...], found: bool) -> None:
    assert ("told_time_differs" in contradictions(said(30, text), zones=zones)) is found


# ── Transcripts ──────────────────────────────────────────────────────────────────────────────────────────────────

BERLIN, PLAIN = ZoneInfo("Europe/Berlin"), ZoneInfo("UTC")


def read(content: str, starts_on: date | None = None, zone: ZoneInfo = PLAIN) -> list[tuple[str, str | None, str]]:
    found = read_transcript(content, zone=zone, starts_on=starts_on, most=100)
    return [(one.at.isoformat()[:16], one.author, one.text) for one in found.messages]


@pytest.mark.parametrize(
    "line",
    [
        "2026-05-04T14:05:09Z ana: hi there",
        "2026-05-04T16:05:09+02:00 ana: hi there",
        "[2026-05-04 14:05] <ana> hi there",
        "2026/05/04 14:05:09.123 - ana: hi there",
        "4.5.2026, 14:05 - ana: hi there",
        "May 4, 2026 at 2:05 PM ana: hi there",
        "May 4th 2026 2:05 p.m. ana: hi there",
        "(2026-05-04 14:05 UTC) ana | hi there",
        "ana  [2026-05-04 14:05]\nhi there",
    ],
)
def test_many_ways_to_write_a_time_are_read(line: str) -> None:
    assert read(line) == [("2026-05-04T14:05", "ana", "hi there")]


def test_clock_times_need_a_start_and_go_on_past_midnight() -> None:
    text = "23:50 ana: one\nmore of one\n00:10 bo: two\n12:15 am three"
    with pytest.raises(TranscriptStartNeeded):
        read(text)
    assert read(text, date(2026, 5, 4), BERLIN) == [
        ("2026-05-04T21:50", "ana", "one\nmore of one"),
        ("2026-05-04T22:10", "bo", "two"),
        ("2026-05-04T22:15", None, "three"),
    ]


def test_what_a_slack_chat_looks_like_when_it_is_copied_is_read() -> None:
    text = (
        "before any time\nAna Lin  2:05 PM\nrolling back\nnow\nBuild Bot APP  [2:06 PM]\ndone\n25:99 odd\n13:00 pm odd"
    )
    found = read(text, date(2026, 5, 4))
    assert [(one[1], one[2].splitlines()[0]) for one in found] == [("Ana Lin", "rolling back"), ("Build Bot", "done")]


def test_a_slack_export_is_read_with_its_names_and_links() -> None:
    export = """[
      {"ts": "1777903509.000200", "user": "U1", "user_profile": {"display_name": "ana"},
       "text": "hi <@U1> &amp; <@U2>, <!here> see <https://x.example/a|this> in <#C1|ops> &lt;3"},
      {"ts": "1777903510.000200", "subtype": "tombstone", "text": "This message was deleted."},
      {"ts": "1777903511.000200", "username": "bot", "text": "  "},
      {"ts": 1777903512.5, "username": "bot", "text": "done"},
      {"ts": "soon", "text": "no time"}, {"ts": null, "text": "none"}, {"ts": "2026-05-04T14:05:00", "text": "no zone"},
      {"ts": "2026-05-04T14:20:00Z", "user_profile": {"display_name": "", "real_name": "Bo"}, "text": "bye"},
      {"ts": "2026-05-04T14:21:00Z", "text": "nobody"}
    ]"""
    assert read(export) == [
        ("2026-05-04T14:05", "ana", "hi @ana & @U2, @here see https://x.example/a in #ops <3"),
        ("2026-05-04T14:05", "bot", "done"),
        ("2026-05-04T14:20", "Bo", "bye"),
        ("2026-05-04T14:21", None, "nobody"),
    ]


def test_lines_of_json_and_wrapped_messages_are_read() -> None:
    line = '{"ts": "2026-05-04T14:05:00Z", "user": "ana", "text": "hi"}'
    assert read(f"{line}\n\n{line}") == [("2026-05-04T14:05", "ana", "hi")] * 2
    assert read(f'{{"messages": [{line}]}}') == [("2026-05-04T14:05", "ana", "hi")]
    found = read_transcript(f"{line}\n{line}", zone=BERLIN, starts_on=None, most=1)
    assert (found.format, len(found.messages), found.left_out) == (TranscriptFormat.JSON_LINES, 1, 1)


@pytest.mark.parametrize(
    "text", ["", "   ", "\x00\x01", "[1, 2]", "{}", "[]", "[" * 100_000, "31.02.2026 14:05 ana: hi"]
)
def test_what_is_no_transcript_is_refused(text: str) -> None:
    with pytest.raises(UnsupportedTranscript):
        read(text)


@pytest.mark.parametrize("text", ["ana: hi", "14:05 ", "25:61 ana: hi"])
def test_a_transcript_without_times_is_refused(text: str) -> None:
    with pytest.raises(TranscriptWithoutTimes):
        read(text, date(2026, 5, 4))


# ── Drafts ───────────────────────────────────────────────────────────────────────────────────────────────────────


def test_a_draft_that_is_cut_off_too_often_is_given_up() -> None:
    draft = Draft(uuid4(), uuid4(), uuid4(), AT, AT, "system")
    for _ in range(DraftPolicy().max_attempts):
        draft = draft.begun(AT, DraftPolicy())
    assert draft.state is DraftState.GATHERING
    assert draft.begun(AT, DraftPolicy()).state is DraftState.FAILED


def test_a_section_is_what_its_sentences_say_but_for_removed_ones() -> None:
    sentences = (
        Sentence("One."),
        Sentence("Two.", verdict=SentenceVerdict.REMOVED),
        Sentence("Three.", verdict=SentenceVerdict.FLAGGED),
    )
    assert ProposedSection(SectionName.SUMMARY, sentences).text == "One. Three."


# ── Measuring ────────────────────────────────────────────────────────────────────────────────────────────────────


def test_recall_counts_only_what_the_material_can_show() -> None:
    messages = (fact("a", 0), fact("b", 20, "what is the plan for dinner"))
    found = score_timelines(
        [PublishedIncident(messages, (fact("deploy:1", 40, machine=True),), (at(1), at(20), at(41), at(99)))]
    )
    assert found == TimelineScore(published=4, findable=3, found=2, proposed=2, said=1, ungrounded=0)
    assert (found.recall, found.ungrounded_share, found.said_per_published) == (2 / 3, 0.0, 0.25)
    nothing = score_timelines([PublishedIncident((), (), ())])
    assert (nothing.recall, nothing.ungrounded_share, nothing.said_per_published) == (None, None, None)


def test_timelines_of_real_incidents_are_found_and_nothing_is_invented() -> None:
    folder = CONTRACTS.parent / "corpus" / "transcripts"
    if not folder.is_dir():
        pytest.skip("the transcripts of real incidents are not here")
    found = score_timelines(read_published(folder))
    assert found.recall is not None
    assert found.recall >= 0.8
    assert found.ungrounded == 0
    assert found.said <= found.published * 2
