"""Lines of the corpus as records of an import: what is taken over, what is left out."""

import io
import json
from datetime import UTC, datetime
from typing import Any

from app.adapters.history.mappings import MappingName, brief, parser, split
from app.adapters.history.reading import BadLine, Reader
from app.domain.incidents.history import PastIncident
from app.domain.incidents.model import ExternalRef, Severity
from app.domain.postmortems.content import SectionName

CORPUS: dict[str, Any] = {
    "id": "acme-1",
    "title": "API outage",
    "company": "Acme Cloud",
    "date": "2019-02-05",
    "date_kind": "incident",
    "labels": {},
    "text": "# Outage\n\n## Summary\n\nThe API was down.\n\n## Root cause\nA bug.\n### Why\nNo test.\n## Time\nLong.",
    "licence": "MIT",
}


def corpus(**fields: Any) -> PastIncident:
    return parser(MappingName.CORPUS)(json.dumps(CORPUS | fields).encode())


def test_a_corpus_line_becomes_an_incident_of_its_company_with_a_published_postmortem() -> None:
    past = corpus(url="https://example.org/1")
    written = past.postmortem
    assert written is not None
    assert past.ref == ExternalRef("corpus", "acme-1", "https://example.org/1")
    assert (past.services, past.severity, past.summary) == (("Acme Cloud",), Severity.P3, "The API was down.")
    assert past.moments.started_at == written.published_at == datetime(2019, 2, 5, tzinfo=UTC)
    assert dict(past.moments.sources) == {"started_at": "imported:date"}
    assert written.sections[SectionName.ROOT_CAUSE] == "A bug.\n### Why\nNo test."
    assert written.sections[SectionName.SUMMARY].endswith("The API was down.\n\n## Time\nLong.")


def test_a_day_of_publication_is_no_start() -> None:
    past = corpus(date_kind="published")
    assert past.moments.started_at is None
    assert past.postmortem is not None
    assert past.postmortem.published_at is not None


def test_without_any_date_the_postmortem_is_a_draft() -> None:
    past = corpus(date=None, date_kind=None)
    assert past.postmortem is not None
    assert past.postmortem.published_at is None


def test_the_corpus_states_severity_cause_and_timeline_where_it_has_them() -> None:
    timeline = [{"ts": "2019-02-05T11:00:00Z", "text": "Fixed"}, {"ts": "2019-02-05T10:06:00Z", "text": "Down"}]
    past = corpus(labels={"severity": "major", "cause": "disk full"}, timeline=timeline, summary="disk", text="Short.")
    assert past.postmortem is not None
    assert (past.severity, past.summary) == (Severity.P2, "disk")
    assert past.moments.started_at == datetime(2019, 2, 5, 10, 6, tzinfo=UTC)
    assert past.postmortem.sections[SectionName.ROOT_CAUSE] == "disk full"
    assert [entry.text for entry in past.postmortem.timeline] == ["Fixed", "Down"]


def test_a_corpus_line_without_a_company_is_bad() -> None:
    line = json.dumps({name: value for name, value in CORPUS.items() if name != "company"}).encode()
    (batch,) = Reader(io.BytesIO(line), parser(MappingName.CORPUS)).batches()
    assert batch.bad == [BadLine(1, "/company: Field required", {"id": "acme-1"})]


def test_a_heading_inside_a_code_block_ends_no_section() -> None:
    assert split("## Impact\n```\n# a comment\n```\nAll orders.") == {"impact": "```\n# a comment\n```\nAll orders."}


def test_a_text_of_headings_only_has_nothing_brief_to_say() -> None:
    assert brief("# Title\n\n## Timeline") == ""
