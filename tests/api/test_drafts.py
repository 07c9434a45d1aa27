"""Drafts over REST and GraphQL: made from a transcript and what was recorded, reviewed part by part, seen by few."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx2
import pytest
import sqlalchemy as sa

from app.domain.actions.model import ControlType
from app.domain.drafting.evidence import Bundle
from app.domain.drafting.model import DraftPolicy
from app.domain.drafting.proposal import (
    Brief,
    ProposedFactor,
    ProposedItem,
    ProposedSection,
    ProposedSections,
    ProposedTimeline,
    Sentence,
    SentenceVerdict,
    Writing,
    WritingProgress,
)
from app.domain.errors import Unavailable
from app.domain.gathering import SourceFact, Window
from app.domain.organisation.model import Service
from app.domain.ports import Ports
from app.domain.postmortems.content import SectionName, TimelineKind
from app.wiring import Opened
from app.worker.drafts import write_drafts
from app.worker.reactions import handle_events
from tests import make
from tests.api.callers import Person, staff
from tests.conftest import ADMIN_KEY

START = datetime(2026, 5, 4, 14, 0, tzinfo=UTC)
CHAT = """14:05 ana: seeing errors on checkout, error rate is high
14:06 bo: lol
14:08 ana: taking a look, password is hunter2xyz by the way, mail me at ana@example.com
14:20 bo: rolling back to v1.2.3
14:31 ana: rollback worked, error rate is back to normal
"""


class Source:
    """A source that answers, fails, hangs or breaks."""

    def __init__(self, *facts: SourceFact, error: Exception | None = None, hangs: bool = False) -> None:
        self._facts, self._error, self._hangs = facts, error, hangs

    async def gather(self, window: Window, services: Sequence[Service]) -> tuple[SourceFact, ...]:
        if self._hangs:
            await asyncio.Event().wait()
        if self._error:
            raise self._error
        return self._facts


class Writer:
    """A drafter that cites the first piece of evidence, and shows what it was given."""

    def __init__(self) -> None:
        self.given: tuple[Brief, Bundle] | None = None

    async def write(
        self,
        brief: Brief,
        bundle: Bundle,
        timeline: ProposedTimeline,
        progress: Callable[[WritingProgress], Awaitable[None]],
    ) -> ProposedSections:
        self.given = (brief, bundle)
        await progress(WritingProgress(12, "summary"))
        ids = (bundle.evidence[0].id,)
        return ProposedSections(
            Writing.WRITTEN,
            sections=(
                ProposedSection(SectionName.SUMMARY, (Sentence("Checkout failed.", ids),)),
                ProposedSection(SectionName.IMPACT, (Sentence("Gone.", ids, SentenceVerdict.REMOVED, ("number",)),)),
            ),
            factors=(
                ProposedFactor("capacity", Sentence("It relied on one host.", ids)),
                ProposedFactor("invented", Sentence("It was the moon.", ids)),
            ),
            items=(ProposedItem("Alert on checkout errors", ControlType.DETECT, Sentence("Nobody was paged.", ids)),),
        )


class World:
    def __init__(self, ports: Ports, application: Any, admin: Person) -> None:
        self.ports, self.application, self.admin = ports, application, admin

    def use(self, **changed: Any) -> None:
        self.ports = replace(self.ports, **changed)
        self.application.state.ports = self.ports

    async def postmortem(self, caller: Person | None = None, **fields: Any) -> str:
        who = caller or self.admin
        body = {"title": "Checkout down", "services": ["checkout"], "severity": "P1", "started_at": START.isoformat(),
                "resolved_at": (START + timedelta(minutes=40)).isoformat()} | fields  # fmt: skip
        incident = await who.post("/v1/incidents", {k: v for k, v in body.items() if v is not None}, expect=201)
        found = await who.post("/v1/postmortems", {"incident_id": incident["id"]}, expect=201)
        return str(found["id"])

    async def upload(self, id: str, content: str = CHAT, *, expect: int = 201, **fields: Any) -> Any:
        body = {"name": "#ops", "content": content, "starts_on": "2026-05-04"} | fields
        path = f"/v1/postmortems/{id}/transcripts"
        return await self.admin.post(path, {k: v for k, v in body.items() if v is not None}, expect=expect)

    async def draft(self, id: str, caller: Person | None = None) -> Any:
        who = caller or self.admin
        made = await who.post(f"/v1/postmortems/{id}/drafts", expect=202)
        assert made["state"] == "queued"
        await write_drafts(self.ports)
        return await who.get(f"/v1/drafts/{made['id']}")

    async def decide(self, draft: Any, *decisions: Mapping[str, Any], expect: int = 200, caller: Any = None) -> Any:
        path = f"/v1/drafts/{draft['id']}/decisions"
        return await (caller or self.admin).post(path, {"decisions": list(decisions)}, expect=expect)


@pytest.fixture
async def world(ports: Ports, client: httpx2.AsyncClient, application: Any) -> World:
    async with ports.uow() as u:
        await u.services.add(make.service("checkout", name="Checkout"))
        await u.commit()
    made = World(ports, application, Person(client, f"Bearer {ADMIN_KEY}"))
    made.use(draft_sources={})
    return made


async def test_a_draft_without_a_model_is_the_timeline_with_its_sources(world: World) -> None:
    id = await world.postmortem()
    uploaded = await world.upload(id)
    assert (uploaded["messages"], uploaded["left_out"], uploaded["format"]) == (5, 0, "plain_text")
    draft = await world.draft(id)
    assert draft["state"] == "ready"
    assert draft["analysis"]["writing"] == "not_configured"
    assert draft["analysis"]["sections"] == []
    assert [entry["kind"] for entry in draft["timeline"]] == ["detection", "response", "mitigation", "resolution"]
    evidence = await world.admin.get(f"/v1/drafts/{draft['id']}/evidence")
    ids = {one["id"] for one in evidence["evidence"]}
    assert all(entry["source_ids"] and ids.issuperset(entry["source_ids"]) for entry in draft["timeline"])
    assert [(one["reason"]) for one in evidence["dropped"]] == ["chatter"]
    assert draft["evidence_count"] == 4
    assert draft["redactions"] == {"password": 1, "email": 1}


async def test_no_secret_of_a_transcript_is_stored_or_shown(
    world: World, opened: Opened, caplog: pytest.LogCaptureFixture, capsys: pytest.CaptureFixture[str]
) -> None:
    writer = Writer()
    world.use(drafter=writer)
    id = await world.postmortem(title="Checkout down, ask ana@example.com")
    secrets = ("hunter2xyz", "ana@example.com", "bob@example.com", "s3cr3tpw")
    await world.upload(id)
    await world.upload(id, f"14:10 x: {'<' * 3} DB_PASSWORD={secrets[3]} bob@example.com", name="mail bob@example.com")
    broken = Unavailable("postgres://u:s3cr3tpw@db refused bob@example.com")
    world.use(draft_sources={"chat": Source(error=broken), "odd": Source(error=RuntimeError("s3cr3tpw"))})
    draft = await world.draft(id)
    async with opened.engine.connect() as connection:
        rows = [
            str((await connection.exec_driver_sql(f"select to_jsonb(t)::text from {name} t")).all())
            for name in ("drafts", "transcripts", "events", "audit_log")
        ]
    shown = [*rows, str(draft), str(writer.given), caplog.text, *capsys.readouterr()]
    stored = "".join(shown).replace(str(await world.admin.get(f"/v1/postmortems/{id}")), "")
    assert not [secret for secret in secrets if secret in stored]


async def test_a_source_that_fails_is_named_and_stops_nothing(world: World) -> None:
    fact = SourceFact("deploy:abc123", START - timedelta(minutes=3), TimelineKind.NOTE, "Deployed: checkout abc123")
    world.use(
        draft_policy=DraftPolicy(patience=timedelta(milliseconds=50)),
        draft_sources={
            "deployments": Source(fact),
            "chat": Source(error=Unavailable("The bot is not a member of #ops; invite it.")),
            "grafana": Source(hangs=True),
            "odd": Source(error=ZeroDivisionError()),
            "quiet": Source(),
            "slack": Source(SourceFact("slack:C1/bounded", START, TimelineKind.NOTE, "Only 9 were read.")),
        },
    )
    draft = await world.draft(await world.postmortem())
    states = {one["name"]: (one["state"], one["message"]) for one in draft["sources"]}
    assert states["deployments"] == ("answered", None)
    assert states["chat"] == ("failed", "The bot is not a member of #ops; invite it.")
    assert states["grafana"][0] == "failed"
    assert "did not answer" in str(states["grafana"][1])
    assert states["odd"] == ("failed", "It failed with ZeroDivisionError.")
    assert states["quiet"] == ("empty", None)
    assert states["slack"] == ("bounded", "Only 9 were read.")
    assert [(one["kind"], one["source_ids"]) for one in draft["timeline"]] == [
        ("trigger", ["deploy:abc123"]),
        ("note", ["slack:C1/bounded"]),
    ]


async def test_what_is_accepted_goes_into_the_postmortem_and_nothing_else(world: World) -> None:
    world.use(drafter=Writer())
    id = await world.postmortem()
    await world.upload(id)
    before = await world.admin.get(f"/v1/postmortems/{id}")
    draft = await world.draft(id)
    assert (await world.admin.get(f"/v1/postmortems/{id}"))["timeline"] == before["timeline"] == []
    first, second, third, _ = [entry["id"] for entry in draft["timeline"]]
    reviewed = await world.decide(
        draft,
        {"part": f"timeline:{first}", "verb": "accept"},
        {"part": f"timeline:{second}", "verb": "reject"},
        {"part": f"timeline:{third}", "verb": "edit", "text": "Bo rolled back.", "kind": "response"},
        {"part": "section:summary", "verb": "accept"},
        {"part": "factor:capacity", "verb": "edit", "text": "One host served all."},
        {"part": "item:0", "verb": "accept"},
    )
    assert len(reviewed["decisions"]) == 6
    after = await world.admin.get(f"/v1/postmortems/{id}")
    assert [(e["text"], e["machine_written"], e["kind"]) for e in after["timeline"]] == [
        (draft["timeline"][0]["text"], True, "detection"),
        ("Bo rolled back.", False, "response"),
    ]
    assert after["timeline"][0]["source"] == draft["timeline"][0]["source_ids"][0]
    assert after["sections"]["summary"] == {"text": "Checkout failed.", "machine_written": True, "reviewed": True}
    assert [(one["code"], one["why"]) for one in after["factors"]] == [("capacity", "One host served all.")]
    items = (await world.admin.get("/v1/action-items"))["items"]
    assert [(one["title"], one["status"]) for one in items] == [("Alert on checkout errors", "candidate")]
    difference = (await world.admin.get(f"/v1/drafts/{draft['id']}/difference"))["items"]
    by_part = {one["part"]: one for one in difference}
    assert by_part[f"timeline:{second}"]["accepted"] is None
    assert by_part["section:summary"]["changes"] == []
    assert any("Bo rolled back." in line for line in by_part[f"timeline:{third}"]["changes"])
    assert by_part["factor:capacity"]["accepted"] == "One host served all."
    assert by_part["section:impact"]["verb"] is None


async def test_a_decision_that_makes_no_sense_changes_nothing(world: World) -> None:
    world.use(drafter=Writer())
    id = await world.postmortem()
    await world.upload(id)
    draft = await world.draft(id)
    good = {"part": "section:summary", "verb": "accept"}
    for bad, status, code in (
        ({"part": "section:impact", "verb": "accept"}, 422, "nothing_to_accept"),
        ({"part": "timeline:99", "verb": "accept"}, 404, "not_found"),
        ({"part": "timeline:1", "verb": "edit"}, 422, "invalid"),
        ({"part": "timeline:1", "verb": "accept", "text": "x"}, 422, "invalid"),
        ({"part": "timeline:1", "verb": "edit", "text": "  "}, 422, "invalid"),
        ({"part": "timeline:1", "verb": "edit", "occurred_at": "2199-01-01T00:00:00Z"}, 422, "invalid"),
        ({"part": "factor:invented", "verb": "accept"}, 422, "unknown_factor"),
        (good, 409, "part_decided"),
    ):
        refused = await world.decide(draft, good, bad, expect=status)
        assert refused["code"] == code
    after = await world.admin.get(f"/v1/postmortems/{id}")
    assert after["sections"] == {}
    await world.decide(draft, {"part": "section:impact", "verb": "edit", "text": "Nobody could pay."})


async def test_a_factor_whose_reason_was_removed_is_not_accepted(world: World) -> None:
    class Removing(Writer):
        async def write(self, *given: Any) -> ProposedSections:
            found = await super().write(*given)
            why = replace(found.factors[0].why, verdict=SentenceVerdict.REMOVED)
            items = (replace(found.items[0], why=why),)
            return replace(found, factors=(replace(found.factors[0], why=why),), items=items)

    world.use(drafter=Removing())
    id = await world.postmortem()
    await world.upload(id)
    draft = await world.draft(id)
    refused = await world.decide(draft, {"part": "factor:capacity", "verb": "accept"}, expect=422)
    assert refused["code"] == "nothing_to_accept"
    await world.decide(draft, {"part": "item:0", "verb": "accept"})
    (item,) = (await world.admin.get("/v1/action-items"))["items"]
    assert item["title"] == "Alert on checkout errors"


async def test_only_a_person_reviews(world: World) -> None:
    id = await world.postmortem()
    await world.upload(id)
    draft = await world.draft(id)
    account = await world.admin.post(
        "/v1/service-accounts", {"slug": "bot", "name": "Bot", "role": "responder"}, expect=201
    )
    key = await world.admin.post("/v1/api-keys", {"service_account": account["slug"]}, expect=201)
    bot = Person(world.admin.http, f"Bearer {key['token']}")
    refused = await world.decide(draft, {"part": "timeline:1", "verb": "accept"}, expect=403, caller=bot)
    assert refused["code"] == "human_required"


async def test_one_draft_at_a_time_and_it_can_be_cancelled(world: World) -> None:
    id = await world.postmortem()
    made = await world.admin.post(f"/v1/postmortems/{id}/drafts", expect=202)
    refused = await world.admin.post(f"/v1/postmortems/{id}/drafts", expect=409)
    assert refused["code"] == "draft_running"
    assert made["analysis"] is None
    unready = await world.decide(made, {"part": "timeline:1", "verb": "accept"}, expect=409)
    assert unready["code"] == "draft_wrong_state"
    cancelled = await world.admin.post(f"/v1/drafts/{made['id']}/cancel")
    assert cancelled["state"] == "cancelled"
    assert await write_drafts(world.ports) == 0
    again = await world.admin.post(f"/v1/drafts/{made['id']}/cancel", expect=409)
    assert again["code"] == "draft_wrong_state"
    assert (await world.draft(id))["state"] == "ready"
    listed = await world.admin.get(f"/v1/drafts?postmortem_id={id}&state=cancelled")
    assert [one["id"] for one in listed["items"]] == [made["id"]]


async def test_a_draft_needs_a_start_or_a_transcript(world: World) -> None:
    id = await world.postmortem(started_at=None, resolved_at=None)
    refused = await world.admin.post(f"/v1/postmortems/{id}/drafts", expect=422)
    assert refused["code"] == "incident_without_start"
    await world.upload(id)
    assert len((await world.draft(id))["timeline"]) == 4


@pytest.mark.parametrize(
    ("content", "fields", "code"),
    [
        ("14:05 ana: hello", {"starts_on": None}, "transcript_start_needed"),
        ("ana: hello\nbo: hi", {}, "transcript_without_times"),
        ("PK\x03\x04binary", {}, "unsupported_transcript"),
        ('[{"no": "message"}]', {}, "unsupported_transcript"),
        ('{"a": 1}', {}, "unsupported_transcript"),
        ("14:05 ana: hello", {"time_zone": "Mars/Olympus"}, "invalid"),
        ("2026-13-45 14:05 ana: hello", {}, "unsupported_transcript"),
    ],
)
async def test_a_transcript_that_cannot_be_read_says_why(
    world: World, content: str, fields: dict[str, Any], code: str
) -> None:
    refused = await world.upload(await world.postmortem(), content, expect=422, **fields)
    assert refused["code"] == code


async def test_a_long_transcript_is_bounded_and_says_so(world: World) -> None:
    world.use(draft_policy=DraftPolicy(max_transcript_messages=3, max_transcripts=1))
    id = await world.postmortem()
    uploaded = await world.upload(id)
    assert (uploaded["messages"], uploaded["left_out"]) == (3, 2)
    assert (await world.upload(id, expect=422))["code"] == "too_many_transcripts"
    draft = await world.draft(id)
    (source,) = [one for one in draft["sources"] if one["name"] == "transcript #ops"]
    assert source["state"] == "bounded"
    assert "2 later ones" in source["message"]


async def test_drafts_of_a_restricted_incident_are_as_invisible_as_it_is(world: World) -> None:
    author, other = await staff(world.admin, "author", "witness")
    id = await world.postmortem(author, visibility="restricted", viewers=["author@example.org"])
    chat = {"name": "x", "content": CHAT, "starts_on": "2026-05-04"}
    await author.post(f"/v1/postmortems/{id}/transcripts", chat, expect=201)
    draft = await world.draft(id, author)
    for method, path, body in (
        ("GET", f"/v1/drafts/{draft['id']}", None),
        ("GET", f"/v1/drafts/{draft['id']}/evidence", None),
        ("GET", f"/v1/drafts/{draft['id']}/difference", None),
        ("POST", f"/v1/drafts/{draft['id']}/cancel", None),
        ("POST", f"/v1/drafts/{draft['id']}/decisions", {"decisions": [{"part": "timeline:1", "verb": "accept"}]}),
        ("POST", f"/v1/postmortems/{id}/drafts", None),
        ("POST", f"/v1/postmortems/{id}/transcripts", {"name": "x", "content": CHAT, "starts_on": "2026-05-04"}),
    ):
        await other.call(method, path, body, expect=404)
    assert (await other.get("/v1/drafts"))["items"] == []
    assert (await other.get(f"/v1/postmortems/{id}/transcripts"))["items"] == []
    assert len((await author.get("/v1/drafts"))["items"]) == 1


async def test_graphql_asks_reviews_and_shows_drafts(world: World) -> None:
    world.use(drafter=Writer())
    id = await world.postmortem()

    async def ask(document: str, **variables: Any) -> Any:
        answer = await world.admin.post("/graphql", {"query": document, "variables": variables})
        assert "errors" not in answer, answer
        return answer["data"]

    upload = (
        "mutation($p: ID!, $i: TranscriptCreateInput!)"
        " {uploadTranscript(postmortemId: $p, input: $i) {messages format}}"
    )
    sent = {"name": "#ops", "content": CHAT, "startsOn": "2026-05-04"}
    shown = await ask(upload, p=id, i=sent)
    assert shown["uploadTranscript"] == {"messages": 5, "format": "PLAIN_TEXT"}
    made = await ask("mutation($p: ID!) {generatePostmortemDraft(postmortemId: $p) {id state}}", p=id)
    await write_drafts(world.ports)
    seen = await ask(
        "query($d: ID!) {draft(id: $d) {state timeline {id kind text sourceIds} sources {name state} evidence {id sort}"
        " contradictions {code} analysis"
        " {writing sections {name sentences {text verdict}} items {title controlType}}}}",
        d=made["generatePostmortemDraft"]["id"],
    )
    assert seen["draft"]["state"] == "READY"
    assert seen["draft"]["analysis"]["sections"][0]["sentences"] == [{"text": "Checkout failed.", "verdict": "KEPT"}]
    review = "mutation($d: ID!, $i: DraftReviewInput!) {reviewDraft(draftId: $d, input: $i) {decisions {part verb}}}"
    given = {"decisions": [{"part": "timeline:1", "verb": "ACCEPT"}]}
    decided = await ask(review, d=made["generatePostmortemDraft"]["id"], i=given)
    assert decided["reviewDraft"]["decisions"] == [{"part": "timeline:1", "verb": "ACCEPT"}]
    listed = await ask("query($p: String) {drafts(filter: {postmortemId: $p}) {edges {node {evidenceCount}}}}", p=id)
    assert listed["drafts"]["edges"][0]["node"]["evidenceCount"] == 4


async def test_every_step_is_an_event(world: World) -> None:
    world.use(drafter=Writer())
    id = await world.postmortem()
    await world.upload(id)
    draft = await world.draft(id)
    while await handle_events(world.ports):
        continue
    async with world.ports.uow() as u:
        statement = sa.text("select data from events where type = 'draft.progressed.v1' order by id")
        rows = (await u.drafts._run.connection.execute(statement)).all()  # type: ignore[attr-defined]
    told = [row[0] for row in rows]
    assert [one["state"] for one in told] == ["queued", "gathering", "writing", "writing", "checking", "ready"]
    assert told[3]["written"] == 12
    assert told[0]["postmortem_id"] == draft["postmortem_id"]
