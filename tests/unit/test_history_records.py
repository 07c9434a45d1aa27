"""The lines of an import: what a good one means, and what is said of every kind of bad one."""

import io
import json
import re
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from app.adapters.history.reading import LONGEST_LINE, BadLine, Batch, Reader
from app.adapters.history.records import (
    CauseRecord,
    ChangeRecord,
    EntryRecord,
    FactorRecord,
    ItemRecord,
    PostmortemRecord,
    Record,
    RefRecord,
    SectionsRecord,
    Strict,
    parse,
)
from app.domain.actions.model import ControlType
from app.domain.ids import new_id
from app.domain.incidents.catalogue import Catalogue, slug_of
from app.domain.incidents.history import Additions, Known, PastCause, PastIncident, PastItem, Place
from app.domain.incidents.model import ChangeKind, ChangeRole, ExternalRef, Severity, Visibility
from app.domain.postmortems.content import ContributingFactor, SectionName, TimelineKind
from app.domain.postmortems.model import Tier
from tests.make import NOW

MINIMAL: dict[str, Any] = {
    "ref": {"source": "jira", "id": "INC-1"},
    "title": "Checkout is down",
    "services": ["checkout"],
}


def a_line(**fields: Any) -> bytes:
    return json.dumps(MINIMAL | fields).encode()


def read(*lines: bytes) -> Batch:
    """Everything in one batch."""
    (batch,) = Reader(io.BytesIO(b"\n".join(lines)), parse).batches()
    return batch


def reason(line: bytes) -> str:
    (bad,) = read(line).bad
    return bad.reason


def test_a_minimal_line_gets_the_defaults() -> None:
    past = parse(a_line())
    assert past == PastIncident(ExternalRef("jira", "INC-1"), "Checkout is down", ("checkout",))
    assert past.severity is Severity.P3


def test_a_full_line_keeps_everything_it_says() -> None:
    past = parse(
        a_line(
            severity="P1",
            team="payments",
            change={"role": "caused", "kind": "deployment"},
            root_cause={
                "slug": "pool-exhaustion",
                "title": "Dry pool",
                "factor": "capacity",
                "confirmed": False,
            },
            visibility="restricted",
            postmortem={
                "tier": 1,
                "summary": "The pool ran dry.",
                "sections": {"impact": "No orders for an hour."},
                "timeline": [{"at": "2026-03-01T10:00:00Z", "kind": "trigger", "text": "Traffic doubled"}],
                "author": "Ada@Example.org",
                "published_at": "2026-03-05",
                "action_items": [{"title": "Raise the pool", "control_type": "mitigate", "systemic": True}],
            },
        )
    )
    written = past.postmortem
    assert written is not None
    assert (past.severity, past.team, past.visibility) == (Severity.P1, "payments", Visibility.RESTRICTED)
    assert past.change is not None
    assert (past.change.role, past.change.kind) == (ChangeRole.CAUSED, ChangeKind.DEPLOYMENT)
    assert past.cause == PastCause("pool-exhaustion", "Dry pool", "capacity", confirmed=False)
    assert (written.tier, written.author) == (Tier.FULL, "ada@example.org")
    assert written.sections == {SectionName.SUMMARY: "The pool ran dry.", SectionName.IMPACT: "No orders for an hour."}
    assert [(entry.kind, entry.source) for entry in written.timeline] == [(TimelineKind.TRIGGER, "imported")]
    assert written.published_at == datetime(2026, 3, 5, tzinfo=UTC)
    assert written.items == (PastItem("Raise the pool", ControlType.MITIGATE, "", True),)


def test_a_date_is_midnight_in_utc_and_its_source_says_so() -> None:
    moments = parse(a_line(started_at="2026-03-01", resolved_at="2026-03-01T14:05:00+02:00")).moments
    assert moments.started_at == datetime(2026, 3, 1, tzinfo=UTC)
    assert moments.resolved_at == datetime(2026, 3, 1, 12, 5, tzinfo=UTC)
    assert dict(moments.sources) == {"started_at": "imported:date", "resolved_at": "imported"}


def test_a_factor_that_is_named_twice_counts_once_with_what_says_more() -> None:
    full = {"code": "missing-alerting", "sub_code": "other", "why": "Nobody saw it."}
    written = parse(a_line(factors=["capacity", "missing-alerting"], postmortem={"factors": [full]})).postmortem
    assert written is not None
    assert written.factors == (
        ContributingFactor("missing-alerting", "other", "Nobody saw it."),
        ContributingFactor("capacity"),
    )


@pytest.mark.parametrize(
    ("fields", "expected"),
    [
        ({"severity": "P9"}, "/severity: Input should be 'P1', 'P2', 'P3', 'P4' or 'P5'"),
        ({"mode": "real"}, "/mode: Input should be 'standard', 'test' or 'tutorial'"),
        ({"title": "  "}, "/title: String should have at least 1 character"),
        ({"services": []}, "/services: List should have at least 1 item after validation, not 0"),
        ({"colour": "red"}, "/colour: Extra inputs are not permitted"),
        ({"summary": "a\x00b"}, "/summary: holds a NUL character"),
        ({"ref": {"source": "jira"}}, "/ref/id: Field required"),
        ({"ref": {"source": "jira", "id": "1", "url": "javascript:alert(1)"}}, "/ref/url: String should match pattern"),
        ({"started_at": "2026-03-01T10:00:00"}, "/started_at: needs an offset such as Z or +02:00 beside the time"),
        ({"started_at": "2026-02-30"}, "/started_at: is no day of the calendar or no time of the day"),
        ({"started_at": "0001-01-01T00:00:00+10:00"}, "/started_at: lies outside the years 1970 to 2200"),
        ({"started_at": 1_770_000_000}, "/started_at: should be an RFC 3339 instant such as"),
        ({"started_at": "yesterday"}, "/started_at: should be an RFC 3339 instant such as"),
        ({"root_cause": {"slug": "Pool!"}}, "/root_cause/slug: String should match pattern"),
        ({"factors": ["capacity"]}, "factors belong to a postmortem, and this line has none"),
        ({"factors": ["gremlins"], "postmortem": {}}, "/factors/0: is no factor code; they are missing-alerting, "),
        (
            {"postmortem": {"factors": [{"code": "capacity", "sub_code": "too_short"}]}},
            "/postmortem/factors/0: capacity has the sub-codes: none",
        ),
        ({"postmortem": {"tier": 4}}, "/postmortem/tier: Input should be 1, 2 or 3"),
        ({"postmortem": {"author": "ada"}}, "/postmortem/author: String should match pattern"),
        ({"postmortem": {"timeline": [{"text": "?"}]}}, "/postmortem/timeline/0/at: Field required"),
    ],
)
def test_a_bad_field_is_named_with_its_reason(fields: dict[str, Any], expected: str) -> None:
    assert reason(a_line(**fields)).startswith(expected)


@pytest.mark.parametrize("line", [b"{", b"[]", b"42", b'"text"', b"\xff\xfe", b'{"title": "\\ud800"}', b"[" * 10_000])
def test_what_is_no_json_object_is_bad_and_stops_nothing(line: bytes) -> None:
    batch = read(line, a_line())
    assert [bad.number for bad in batch.bad] == [1]
    assert len(batch.past) == 1


def test_a_missing_title_is_reported_with_number_and_ref() -> None:
    line = json.dumps({"ref": MINIMAL["ref"], "services": ["checkout"]}).encode()
    assert read(b"", line).bad == [BadLine(2, "/title: Field required", {"source": "jira", "id": "INC-1"})]


def test_a_line_over_a_megabyte_is_skipped_without_being_held() -> None:
    longest = a_line(summary="x").replace(b'"x"', b'"x"' + b" " * (LONGEST_LINE - len(a_line(summary="x"))))
    batch = read(b"x" * (3 * LONGEST_LINE), longest)
    assert [(bad.number, bad.reason) for bad in batch.bad] == [(1, "is longer than 1048576 bytes")]
    assert len(batch.past) == 1
    assert batch.size == 3 * LONGEST_LINE + 1 + LONGEST_LINE


def test_a_long_line_at_the_end_of_the_file_is_bad_too() -> None:
    assert [bad.number for bad in read(a_line(), b"x" * (2 * LONGEST_LINE + 1)).bad] == [2]


def test_a_ref_that_is_repeated_in_the_file_loses_to_the_first() -> None:
    batch = read(a_line(), a_line(title="Another one"))
    assert [past.title for past in batch.past] == ["Checkout is down"]
    assert [(bad.number, bad.reason) for bad in batch.bad] == [(2, "/ref: is the same as in line 1")]


def test_a_byte_order_mark_blank_lines_and_carriage_returns_do_no_harm() -> None:
    batch = read(b"\xef\xbb\xbf" + a_line() + b"\r", b"", b"  \r", a_line(ref={"source": "jira", "id": "INC-2"}))
    assert (len(batch.past), batch.bad, batch.lines) == (2, [], 2)


def test_lines_come_in_batches_of_the_size_asked_for() -> None:
    lines = b"\n".join(a_line(ref={"source": "jira", "id": str(number)}) for number in range(5))
    batches = list(Reader(io.BytesIO(lines), parse).batches(2))
    assert [len(batch.past) for batch in batches] == [2, 2, 1]
    assert sum(batch.size for batch in batches) == len(lines)


def test_what_is_printed_of_a_bad_line_cannot_drive_a_terminal_and_is_short() -> None:
    told = reason(a_line(**{"\x1b[2J": 1, **{f"unknown-{number}": number for number in range(100)}}))
    assert "\x1b" not in told
    assert len(told) < 700


# ── Names ────────────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("name", "slug"),
    [
        ("checkout", "checkout"),
        ("Checkout API (EU)", "checkout-api-eu"),
        ("Zürich Straße", "zurich-strasse"),
        ("支付", "service-5d3ba34c"),
        ("x" * 100 + "Y", "x" * 100),
    ],
)
def test_a_name_becomes_a_slug(name: str, slug: str) -> None:
    assert slug_of(name) == slug


def catalogue(**known: Any) -> Catalogue:
    empty: dict[str, Any] = {"services": {}, "teams": {}, "people": {}, "root_causes": {}}
    return Catalogue(Known(**(empty | known)), Additions(), NOW)


def test_a_service_is_found_by_slug_or_name_and_named_once() -> None:
    place = Place(new_id(), None)
    names = catalogue(services={"chk": place, "checkout api": place})
    assert names.places(parse(a_line(services=["chk", "Checkout API"]))) == (place,)
    assert names.additions == Additions()


def test_an_unknown_service_and_its_team_are_added_once() -> None:
    names = catalogue()
    first = names.places(parse(a_line(services=["Checkout API", "checkout-api"], team="payments")))
    assert first == names.places(parse(a_line(services=["checkout-api"], team="payments")))
    (service,) = names.additions.services
    (team,) = names.additions.teams
    assert (service.slug, service.name, service.team_id) == ("checkout-api", "Checkout API", team.id)
    assert (team.slug, team.name) == ("payments", "Payments")


def test_an_unknown_author_is_added_without_any_right() -> None:
    names = catalogue()
    assert names.author_id("ada@example.org") == names.author_id("ada@example.org")
    (person,) = names.additions.people
    assert (person.name, person.active, person.role) == ("ada", False, "reader")


def test_an_unknown_root_cause_is_added_with_a_title_of_its_own() -> None:
    names = catalogue()
    names.cause_id(PastCause("pool-exhaustion", factor_code="capacity"))
    names.cause_id(PastCause("pool-exhaustion", "Too late"))
    (cause,) = names.additions.root_causes
    assert (cause.slug, cause.title, cause.factor_code) == ("pool-exhaustion", "Pool exhaustion", "capacity")


# ── The documentation ────────────────────────────────────────────────────────────────────────────────────────────

GUIDE = (Path(__file__).parents[2] / "docs" / "import.md").read_text()


def test_the_examples_of_the_documentation_are_good_lines() -> None:
    examples = re.findall(r"```json\n(.*?)```", GUIDE, re.DOTALL)
    assert [parse(example.encode()).ref.source for example in examples] == ["jira", "wiki"]


@pytest.mark.parametrize(
    "model",
    [
        Record, RefRecord, ChangeRecord, CauseRecord,
        PostmortemRecord, SectionsRecord, EntryRecord, FactorRecord, ItemRecord,
    ],
)  # fmt: skip
def test_every_field_is_documented(model: type[Strict]) -> None:
    assert [name for name in model.model_fields if f"`{name}`" not in GUIDE] == []
