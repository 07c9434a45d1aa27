"""The whole way of a draft with a model: gathered, redacted, sent, told, checked, stored, and not paid for twice."""

import json
from collections.abc import AsyncIterator, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from uuid import UUID

import pytest

from app.adapters.db.engine import open_pool
from app.adapters.db.written_drafts import WrittenDrafts
from app.adapters.models.claude_drafter import ClaudeConfig, ClaudeDrafter
from app.adapters.models.spending import SpendingLimits
from app.adapters.phones import PhoneFinder
from app.domain.access import SYSTEM
from app.domain.drafting.model import Draft, DraftState
from app.domain.drafting.proposal import SentenceVerdict, Writing
from app.domain.drafting.use_cases.drafting import generate_postmortem_draft
from app.domain.gathering import SourceFact, Window
from app.domain.incidents.model import Moments
from app.domain.organisation.model import Service
from app.domain.ports import Ports
from app.domain.postmortems.content import TimelineKind
from app.worker.drafts import write_drafts
from tests import make
from tests.fake_claude import FakeClaude, error, serving, stream
from tests.unit.test_redaction import INSIDE, SECRETS
from tests.worker.conftest import Shop

START = datetime(2026, 5, 4, 14, 0, tzinfo=UTC)
VALUES = [*SECRETS.values(), *(value for _, value in INSIDE.values())]
WRITTEN = {
    "summary": [{"text": "A deployment of checkout came first.", "source_ids": ["deploy:abc"]}] * 2,
    "timeline": [],
    "root_cause": [],
    "factors": [],
    "items": [],
}


class Room:
    """A source in which people wrote every kind of secret."""

    async def gather(self, window: Window, services: Sequence[Service]) -> tuple[SourceFact, ...]:
        texts = [*SECRETS.values(), *(sentence.format(value) for sentence, value in INSIDE.values())]
        said = (
            SourceFact(
                f"slack:C1/{n}", START + timedelta(seconds=n), TimelineKind.NOTE, f"alert: {text}", None, False, "Ana"
            )
            for n, text in enumerate(texts)
        )
        return (SourceFact("deploy:abc", START, TimelineKind.NOTE, "Deployed: checkout"), *said)


@pytest.fixture
async def claude() -> AsyncIterator[FakeClaude]:
    async with serving(stream(json.dumps(WRITTEN))) as fake:
        yield fake


@pytest.fixture
async def writing(ports: Ports, shop: Shop, claude: FakeClaude) -> AsyncIterator[Ports]:
    limits = SpendingLimits(1.0, 50_000, 4_000, 3.0, 15.0)
    config = ClaudeConfig("sk-test", claude.url, "claude-test", limits, timeout=20.0, tell_every=0.01)
    pool = await open_pool(shop.dsn, size=1, command_timeout=10)
    drafter = ClaudeDrafter(config, WrittenDrafts(pool).recall)
    yield replace(ports, draft_sources={"room": Room()}, drafter=drafter, find_phones=PhoneFinder())
    await drafter.close()
    await pool.close()


async def postmortem(ports: Ports, service: Service) -> UUID:
    title = f"Leak of {SECRETS['aws access key']}"
    incident = make.incident(
        service, title=title, moments=Moments(started_at=START, resolved_at=START + timedelta(hours=1))
    )
    made = make.postmortem(incident_id=incident.id)
    async with ports.uow() as u:
        await u.incidents.add(incident)
        await u.postmortems.add(made)
        await u.commit()
    return made.id


async def drafted(ports: Ports, postmortem_id: UUID) -> Draft:
    asked = await generate_postmortem_draft(ports.uow, ports.clock, caller=SYSTEM, postmortem_id=postmortem_id)
    await write_drafts(ports)
    async with ports.uow() as u:
        return await u.drafts.get(asked.id, SYSTEM)


async def test_no_secret_leaves_the_house_or_is_stored(writing: Ports, shop: Shop, claude: FakeClaude) -> None:
    draft = await drafted(writing, await postmortem(writing, shop.service))
    assert (draft.state, draft.sections.writing) == (DraftState.READY, Writing.WRITTEN)
    assert len(draft.bundle.evidence) == len(VALUES) + 1
    stored = await shop.value("select to_jsonb(d)::text from drafts d")
    told = await shop.value("select jsonb_agg(to_jsonb(e))::text from events e where type like 'draft.%'")
    sent = json.dumps(claude.asked[0].body)
    assert "slack:C1/80" in sent
    for value in VALUES:
        for text in (sent, stored, told):
            assert value not in text
            assert json.dumps(value)[1:-1] not in text


async def test_progress_reaches_those_who_follow(writing: Ports, shop: Shop, claude: FakeClaude) -> None:
    claude.answers = [replace(claude.answers[0], pieces=5, pause=0.05)]
    await drafted(writing, await postmortem(writing, shop.service))
    told = json.loads(await shop.value("select jsonb_agg(data)::text from events where type like 'draft.progressed%'"))
    assert {"queued", "gathering", "writing", "checking", "ready"} <= {one["state"] for one in told}
    assert max(one.get("written", 0) for one in told) == len(json.dumps(WRITTEN))


async def test_another_draft_of_the_same_evidence_comes_from_the_first(
    writing: Ports, shop: Shop, claude: FakeClaude
) -> None:
    id = await postmortem(writing, shop.service)
    first, again = await drafted(writing, id), await drafted(writing, id)
    assert len(claude.asked) == 1
    assert again.sections.provenance.from_cache
    assert again.sections.sections == first.sections.sections
    assert again.sections.sections[0].sentences[0].verdict is SentenceVerdict.KEPT


async def test_a_model_that_fails_leaves_the_timeline(writing: Ports, shop: Shop, claude: FakeClaude) -> None:
    claude.answers = [error(401, "authentication_error")]
    draft = await drafted(writing, await postmortem(writing, shop.service))
    assert draft.state is DraftState.READY
    assert draft.sections.writing is Writing.UNAVAILABLE
    assert "NOREPEAT_ANTHROPIC_API_KEY" in str(draft.sections.reason)
    assert draft.timeline.entries
