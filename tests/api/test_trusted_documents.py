"""Trusted documents: a hash instead of a text, and services that take nothing else."""

import hashlib
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import httpx2
import orjson
import pytest
from typer.testing import CliRunner

from app.cli import cli
from app.domain.errors import DomainError
from app.domain.ports import Ports
from app.main import create_app
from app.settings import Settings
from app.wiring.documents import NoDocument, texts_in, trusted_documents
from tests.conftest import ADMIN_KEY

ME = "query Me { me { name } }"
TEAMS = "query Teams { teams { edges { node { slug } } } }"


def sha256(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()


def persisted(digest: str) -> dict[str, Any]:
    return {"persistedQuery": {"version": 1, "sha256Hash": digest}}


def codes(response: httpx2.Response) -> list[str]:
    return [error["extensions"]["code"] for error in response.json().get("errors", [])]


@asynccontextmanager
async def trusting(
    settings: Settings, ports: Ports, folder: Path, *, only: bool = True
) -> AsyncIterator[httpx2.AsyncClient]:
    file = folder / "trusted.json"
    file.write_bytes(orjson.dumps({sha256(ME): ME}))
    app = create_app(settings.model_copy(update={"graphql_trusted_documents": file, "graphql_trusted_only": only}))
    app.state.ports = ports
    transport, headers = httpx2.ASGITransport(app=app), {"Authorization": f"Bearer {ADMIN_KEY}"}
    async with httpx2.AsyncClient(transport=transport, base_url="http://norepeat.test", headers=headers) as http:
        yield http


@pytest.mark.parametrize("id", [sha256(ME), f"sha256:{sha256(ME)}", sha256(ME).upper()])
async def test_a_trusted_document_is_asked_by_its_id(
    settings: Settings, client: httpx2.AsyncClient, ports: Ports, tmp_path: Path, id: str
) -> None:
    async with trusting(settings, ports, tmp_path) as http:
        posted = await http.post("/graphql", json={"documentId": id})
        got = await http.get("/graphql", params={"documentId": id})
        automatic = await http.get("/graphql", params={"extensions": orjson.dumps(persisted(sha256(ME))).decode()})
    assert posted.json() == got.json() == automatic.json()
    assert posted.json()["data"]["me"]["name"]


async def test_only_trusted_documents_are_executed_where_that_is_set(
    settings: Settings, client: httpx2.AsyncClient, ports: Ports, tmp_path: Path
) -> None:
    async with trusting(settings, ports, tmp_path) as http:
        known = await http.post("/graphql", json={"query": ME})
        other = await http.post("/graphql", json={"query": TEAMS})
        announced = await http.post("/graphql", json={"query": TEAMS, "extensions": persisted(sha256(TEAMS))})
        later = await http.post("/graphql", json={"extensions": persisted(sha256(TEAMS))})
        stream = await http.post(
            "/graphql", json={"query": "subscription { eventAdded { id } }"}, headers={"Accept": "text/event-stream"}
        )
    assert "errors" not in known.json()
    assert codes(other) == codes(announced) == codes(stream) == ["document_not_trusted"]
    assert "data" not in other.json()
    assert codes(later) == ["persisted_query_not_found"]


async def test_a_client_announces_a_document_and_then_sends_its_hash_alone(client: httpx2.AsyncClient) -> None:
    extensions = persisted(sha256(TEAMS))
    unknown = await client.post("/graphql", json={"extensions": extensions})
    announced = await client.post("/graphql", json={"query": TEAMS, "extensions": extensions})
    known = await client.post("/graphql", json={"extensions": extensions})
    assert unknown.json()["errors"][0]["message"] == "PersistedQueryNotFound"
    assert codes(unknown) == ["persisted_query_not_found"]
    assert announced.json() == known.json() == {"data": {"teams": {"edges": []}}}


@pytest.mark.parametrize(
    "body",
    [
        {"query": ME, "extensions": persisted(sha256(TEAMS))},
        {"query": 5, "documentId": sha256(ME)},
        {"documentId": 5},
        {"extensions": {"persistedQuery": {"sha256Hash": [1]}}},
    ],
)
async def test_a_hash_that_is_not_that_of_the_text_is_refused(client: httpx2.AsyncClient, body: dict[str, Any]) -> None:
    response = await client.post("/graphql", json=body)
    assert response.status_code == 400
    assert "data" not in response.json()


async def test_the_command_trusts_texts_and_manifests_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    trusted = tmp_path / "trusted.json"
    monkeypatch.setenv("NOREPEAT_GRAPHQL_TRUSTED_DOCUMENTS", str(trusted))
    text, map, apollo = tmp_path / "me.graphql", tmp_path / "map.json", tmp_path / "apollo.json"
    text.write_text(ME)
    map.write_bytes(orjson.dumps({sha256(TEAMS): TEAMS}))
    apollo.write_bytes(orjson.dumps({"operations": [{"id": "x", "body": TEAMS}]}))
    first = CliRunner().invoke(cli, ["graphql", "trust", str(text), str(map)])
    second = CliRunner().invoke(cli, ["graphql", "trust", str(apollo)])
    assert first.output.splitlines()[-1].startswith("2 added")
    assert second.output.splitlines()[-1].startswith("0 added")
    assert orjson.loads(trusted.read_bytes()) == {sha256(ME): ME, sha256(TEAMS): TEAMS}


async def test_an_invalid_document_is_not_trusted_and_nothing_else_of_the_call_either(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("NOREPEAT_GRAPHQL_TRUSTED_DOCUMENTS", str(tmp_path / "trusted.json"))
    good, bad = tmp_path / "good.graphql", tmp_path / "bad.graphql"
    good.write_text(ME)
    bad.write_text("{ nothing }")
    refused = CliRunner().invoke(cli, ["graphql", "trust", str(good), str(bad)])
    assert isinstance(refused.exception, DomainError)
    assert "bad.graphql" in str(refused.exception)
    assert not (tmp_path / "trusted.json").exists()


@pytest.mark.parametrize("content", [b"", b"[]", b"{}", b'{"operations": [{"id": "x"}]}', b'{"a": 1}'])
def test_a_manifest_without_documents_is_refused(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "m.json").write_bytes(content)
    with pytest.raises(NoDocument):
        texts_in(tmp_path / "m.json")


def test_a_service_that_takes_only_trusted_documents_does_not_start_without_them(tmp_path: Path) -> None:
    file = tmp_path / "none.json"
    settings = Settings(_env_file=None, graphql_trusted_documents=file, graphql_trusted_only=True)
    with pytest.raises(NoDocument):
        trusted_documents(settings)
    assert trusted_documents(settings.model_copy(update={"graphql_trusted_only": False})) == {}
