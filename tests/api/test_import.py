"""`norepeat import` on a real database: what comes in, what is skipped, what is refused, and going on after a kill."""

import asyncio
import json
import os
import sys
from asyncio.subprocess import PIPE
from collections.abc import Callable
from pathlib import Path
from typing import Any

import asyncpg
import httpx2
import pytest
from typer.testing import CliRunner, Result

from app.adapters.history.records import parse
from app.cli import cli
from app.domain.access import SYSTEM
from app.domain.incidents.importing import Imported, import_history
from app.domain.incidents.model import CauseStatus
from app.domain.ports import Ports
from app.domain.postmortems.content import SectionName
from app.domain.postmortems.model import PostmortemStatus, Tier

CORPUS = Path(__file__).parents[3] / "shared" / "corpus" / "incidents.jsonl"
Import = Callable[..., Any]


def line(number: int = 1, **fields: Any) -> dict[str, Any]:
    return {
        "ref": {"source": "jira", "id": f"INC-{number}"},
        "title": f"Checkout is down ({number})",
        "services": ["Checkout"],
        "severity": "P2",
        "started_at": "2026-03-01T10:00:00Z",
        **fields,
    }


WRITTEN = {
    "summary": "The pool ran dry.",
    "timeline": [
        {"at": "2026-03-01T10:01:00Z", "kind": "trigger", "text": "Traffic doubled"},
        {"at": "2026-03-01T10:09:00Z", "kind": "detection", "text": "An alert came"},
    ],
    "factors": [{"code": "capacity", "why": "The pool was sized for half of it."}],
    "author": "ada@example.org",
    "published_at": "2026-03-05",
    "action_items": [{"title": "Raise the pool", "control_type": "prevent"}],
}


@pytest.fixture
def imported(ports: Ports, dsn: str, tmp_path: Path) -> Import:
    """Run the command on these lines, as another process would."""

    async def run(*lines: dict[str, Any] | str, options: tuple[str, ...] = (), code: int = 0) -> Result:
        texts = [one if isinstance(one, str) else json.dumps(one) for one in lines]
        file = tmp_path / "history.jsonl"
        file.write_text("\n".join(texts) + "\n")
        arguments = ["import", str(file), *options]
        result = await asyncio.to_thread(CliRunner().invoke, cli, arguments, env={"DATABASE_URL": dsn})
        assert result.exit_code == code, (result.output, result.exception)
        return result

    return run


async def value(dsn: str, query: str, *arguments: Any) -> Any:
    connection = await asyncpg.connect(dsn)
    try:
        return await connection.fetchval(query, *arguments)
    finally:
        await connection.close()


async def test_an_imported_incident_reads_back_as_it_was_given(imported: Import, ports: Ports) -> None:
    change = {"role": "caused", "kind": "config", "rollout": "direct"}
    cause = {"slug": "pool-exhaustion", "title": "Pool exhaustion", "factor": "capacity"}
    result = await imported(
        line(
            services=["Checkout", "payments-api", "checkout"], team="payments", resolved_at="2026-03-01",
            change=change, root_cause=cause, customer_impact="moderate", postmortem=WRITTEN,
        )
    )  # fmt: skip
    assert result.stdout.startswith("imported 1 incidents (1 postmortems), skipped 0 already there, 0 bad lines, ")
    async with ports.uow() as u:
        incident = await u.incidents.find_by_external_ref("jira", "INC-1")
        assert incident is not None
        services = [await u.services.get(id) for id in incident.service_ids]
        postmortem = await u.postmortems.find_by_incident(incident.id)
        assert postmortem is not None
        assert postmortem.author_id is not None
        (item,) = await u.action_items.of_postmortem(postmortem.id)
        author = await u.people.get(postmortem.author_id)
    assert [service.slug for service in services] == ["checkout", "payments-api"]
    assert incident.primary_service_id == services[0].id
    assert services[0].team_id is not None
    assert incident.created_at == incident.moments.started_at
    assert incident.contradictions == ("resolved_at<started_at",)
    assert dict(incident.moments.sources) == {"started_at": "imported", "resolved_at": "imported:date"}
    assert incident.root_cause_status is CauseStatus.CONFIRMED
    assert (postmortem.status, postmortem.tier) == (PostmortemStatus.PUBLISHED, Tier.STANDARD)
    assert postmortem.created_at == postmortem.published_at
    assert postmortem.sections[SectionName.SUMMARY].text == "The pool ran dry."
    assert [entry.text for entry in postmortem.timeline] == ["Traffic doubled", "An alert came"]
    assert [factor.why for factor in postmortem.factors] == ["The pool was sized for half of it."]
    assert (item.status, item.service_id, item.root_cause_id, item.team_id) == (
        "candidate", services[0].id, incident.root_cause_id, services[0].team_id,
    )  # fmt: skip
    assert (author.email, author.active) == ("ada@example.org", False)


async def test_an_imported_postmortem_can_be_read_by_http(imported: Import, client: httpx2.AsyncClient) -> None:
    await imported(line(postmortem=WRITTEN))
    (postmortem,) = (await client.get("/v1/postmortems")).raise_for_status().json()["items"]
    assert (postmortem["status"], postmortem["tier"]) == ("published", 2)


async def test_a_line_without_a_postmortem_makes_none_and_one_without_a_date_makes_a_draft(
    imported: Import, ports: Ports
) -> None:
    written = {"summary": "We do not know when.", "tier": 1, "created_at": "2025-12-24"}
    await imported(line(1), line(2, started_at=None, postmortem=written), line(3, started_at=None))
    async with ports.uow() as u:
        bare = await u.incidents.find_by_external_ref("jira", "INC-1")
        dateless = await u.incidents.find_by_external_ref("jira", "INC-2")
        assert bare is not None
        assert dateless is not None
        assert await u.postmortems.find_by_incident(bare.id) is None
        draft = await u.postmortems.find_by_incident(dateless.id)
    assert draft is not None
    assert (draft.status, draft.tier) == (PostmortemStatus.DRAFT, Tier.FULL)
    assert draft.created_at == dateless.created_at
    assert draft.created_at.year == 2025


async def test_history_starts_no_reaction(imported: Import, ports: Ports, dsn: str) -> None:
    await imported(line(severity="P1", resolved_at="2026-03-01T11:00:00Z"))
    async with ports.uow() as u:
        assert await u.events.unhandled(10) == ()
    assert await value(dsn, "select count(*) from events where type = 'incident.created.v1'") == 1
    assert await value(dsn, "select count(*) from postmortems") == 0


async def test_a_second_import_adds_only_what_is_new(imported: Import, dsn: str) -> None:
    await imported(line(1, postmortem=WRITTEN), line(2))
    result = await imported(line(1, postmortem=WRITTEN), line(2), line(3, services=["checkout"]))
    assert result.stdout.startswith("imported 1 incidents (0 postmortems), skipped 2 already there, 0 bad lines")
    assert await value(dsn, "select count(*) from incidents") == 3
    assert await value(dsn, "select count(*) from services") == 1


async def test_bad_lines_are_told_by_number_and_stop_nothing(imported: Import, tmp_path: Path, dsn: str) -> None:
    errors = tmp_path / "errors.jsonl"
    lines = [line(1), line(2, severity="P9"), "{", line(1, title="Again"), line(3)]
    result = await imported(*lines, options=("--errors", str(errors)), code=1)
    assert result.stderr.splitlines() == [
        "line 2: /severity: Input should be 'P1', 'P2', 'P3', 'P4' or 'P5'",
        "line 3: Invalid JSON: EOF while parsing an object at line 1 column 1",
        "line 4: /ref: is the same as in line 1",
    ]
    told = [json.loads(one) for one in errors.read_text().splitlines()]
    assert [one["number"] for one in told] == [2, 3, 4]
    assert told[0]["ref"] == {"source": "jira", "id": "INC-2"}
    assert result.stdout.startswith("imported 2 incidents (0 postmortems), skipped 0 already there, 3 bad lines")
    assert await value(dsn, "select count(*) from incidents") == 2


async def test_only_the_first_fifty_bad_lines_are_printed(imported: Import) -> None:
    result = await imported(*["{"] * 60, code=1)
    assert len(result.stderr.splitlines()) == 51
    assert result.stderr.splitlines()[-1] == "and 10 more bad lines; --errors FILE has them all"


async def test_what_the_database_refuses_takes_no_other_line_with_it(imported: Import, dsn: str) -> None:
    await value(dsn, "alter table incidents add constraint refuse check (title <> 'Refused')")
    try:
        lines = [line(n, services=[f"service-{n % 3}"]) for n in range(1, 9)]
        result = await imported(*lines[:4], line(99, title="Refused", services=["only-here"]), *lines[4:], code=1)
    finally:
        await value(dsn, "alter table incidents drop constraint refuse")
    assert result.stderr.startswith('line 5: new row for relation "incidents" violates check constraint')
    assert await value(dsn, "select count(*) from incidents") == 8
    assert await value(dsn, "select count(*) from services where slug = 'only-here'") == 0


async def test_an_incident_that_comes_twice_at_once_is_stored_once(ports: Ports) -> None:
    past = [parse(json.dumps(line()).encode())] * 2
    done = await import_history(ports.uow, ports.clock, ports.policy, caller=SYSTEM, past=past)
    assert done == Imported(incidents=1, already_there=1)


async def test_a_failure_that_is_about_no_line_ends_the_import_and_blames_none(imported: Import, dsn: str) -> None:
    await value(dsn, "alter table incident_refs rename to lost")
    try:
        result = await imported(line(), code=1)
    finally:
        await value(dsn, "alter table lost rename to incident_refs")
    assert result.stderr.startswith("stopped before the end; the same command goes on from here")
    assert result.stdout.startswith("imported 0 incidents (0 postmortems), skipped 0 already there, 0 bad lines")


async def test_a_dry_run_checks_everything_and_keeps_nothing(imported: Import, dsn: str) -> None:
    result = await imported(line(1, postmortem=WRITTEN), line(2, mode="real"), options=("--dry-run",), code=1)
    assert result.stdout.startswith("would import 1 incidents (1 postmortems), skipped 0 already there, 1 bad lines")
    assert await value(dsn, "select count(*) from incidents") + await value(dsn, "select count(*) from services") == 0


async def test_a_cause_that_was_merged_leads_to_the_entry_that_counts(
    imported: Import, client: httpx2.AsyncClient, ports: Ports
) -> None:
    await imported(line(1, root_cause={"slug": "pool-full"}), line(2, root_cause={"slug": "pool-exhaustion"}))
    causes = {one["slug"]: one["id"] for one in (await client.get("/v1/root-causes")).json()["items"]}
    merged = await client.post(f"/v1/root-causes/{causes['pool-full']}/merge", json={"into": "pool-exhaustion"})
    assert merged.is_success, merged.text
    await imported(line(3, root_cause={"slug": "pool-full"}))
    async with ports.uow() as u:
        third = await u.incidents.find_by_external_ref("jira", "INC-3")
    assert third is not None
    assert str(third.root_cause_id) == causes["pool-exhaustion"]


async def test_a_restricted_incident_is_seen_by_nobody_who_is_not_listed(imported: Import, ports: Ports) -> None:
    await imported(line(visibility="restricted", postmortem=WRITTEN))
    async with ports.uow() as u:
        found = await u.incidents.find_by_external_ref("jira", "INC-1")
        assert found is not None
        assert (await u.incidents.get(found.id, SYSTEM)).restricted


async def test_open_candidates_have_a_risk_after_the_import(imported: Import, dsn: str) -> None:
    cause = {"slug": "pool-exhaustion"}
    await imported(*(line(n, root_cause=cause, postmortem=WRITTEN) for n in range(1, 4)))
    assert await value(dsn, "select count(*) from action_items where risk is not null") == 3
    assert await value(dsn, "select count(*) from risk_fits") == 1


async def test_after_a_kill_the_same_command_brings_the_rest(imported: Import, dsn: str) -> None:
    lines = [line(n, postmortem=WRITTEN) for n in range(1, 1201)]
    text = "".join(json.dumps(one) + "\n" for one in lines).encode()
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "app.cli", "import", "-", stdin=PIPE, env=os.environ | {"DATABASE_URL": dsn}
    )
    assert process.stdin is not None
    process.stdin.write(b"".join(text.splitlines(keepends=True)[:700]))
    for _ in range(600):
        if await value(dsn, "select count(*) from incidents"):
            break
        await asyncio.sleep(0.05)
    process.kill()
    await process.wait()
    assert await value(dsn, "select count(*) from incidents") == 500
    result = await imported(*lines)
    assert result.stdout.startswith("imported 700 incidents (700 postmortems), skipped 500 already there, 0 bad lines")
    assert await value(dsn, "select count(*) from timeline_entries") == 2400


@pytest.mark.skipif(not CORPUS.is_file(), reason="../shared/corpus is not here")
async def test_the_corpus_comes_in_whole(imported: Import, ports: Ports, dsn: str) -> None:
    lines = CORPUS.read_text().splitlines()
    result = await imported(*lines, options=("--mapping", "corpus"))
    assert result.stdout.startswith("imported 203 incidents (203 postmortems), skipped 0 already there, 0 bad lines")
    assert await value(dsn, "select count(*) from services") == 20
    assert await value(dsn, "select count(*) from postmortems where status = 'published'") == 201
    peerio = "select count(distinct postmortem_id) from timeline_entries"
    assert await value(dsn, peerio) == 46
