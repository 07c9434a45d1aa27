"""Every operation of the contract × every kind of caller: who may not is refused, and nobody is forgotten."""

from collections.abc import Mapping
from typing import Any
from uuid import uuid4

import httpx2
import pytest
from fastapi import FastAPI

from app.api.graphql.mutations import MUTATIONS
from app.domain.access import RULES, SCOPES, Action, Role, Rule

PUBLIC = {"get_liveness", "get_readiness_of_service", "receive_webhook"}
"""Probes; and webhooks, which are signed."""

READING = Rule(Role.READER, "read")
LOOKS_FIRST = {
    "accept_theme",
    "dismiss_theme",
    "generate_postmortem_draft",
    "cancel_draft",
    "review_draft",
    "upload_transcript",
}
"""Here a caller without the right learns 404 where nothing is; the routes below are asked with what exists."""

EXISTING = {
    "team": "payments", "service": "checkout", "person": "eve@example.org", "account": "helper", "root_cause": "dns",
    "meta_review_id": "2026-Q1",
}  # fmt: skip
HASH = "0" * 64

RULE_OF: Mapping[str, Action] = {
    **dict.fromkeys(
        (
            "create_team",
            "update_team",
            "create_person",
            "update_person",
            "create_service",
            "update_service",
            "create_service_account",
            "update_service_account",
            "list_api_keys",
            "issue_api_key",
            "rotate_api_key",
            "get_api_key",
            "revoke_api_key",
        ),
        Action.CONFIGURE,
    ),
    **dict.fromkeys(("list_deliveries", "retry_delivery", "list_inbox"), Action.OPERATE),
    **dict.fromkeys(("create_incident", "update_incident", "import_incident"), Action.WRITE_INCIDENT),
    **dict.fromkeys(("create_root_cause", "update_root_cause"), Action.WRITE_ROOT_CAUSE),
    "merge_root_causes": Action.MERGE_ROOT_CAUSES,
    **dict.fromkeys(
        (
            "create_postmortem",
            "update_postmortem",
            "submit_postmortem",
            "request_changes",
            "publish_postmortem",
            "add_timeline_entry",
            "update_timeline_entry",
            "remove_timeline_entry",
            "gather_timeline",
            "retry_publication",
            "upload_transcript",
            "generate_postmortem_draft",
            "review_draft",
            "cancel_draft",
        ),
        Action.WRITE_POSTMORTEM,
    ),
    "sign_off_postmortem": Action.SIGN_OFF,
    "override_tier": Action.OVERRIDE_TIER,
    "waive_postmortem": Action.WAIVE,
    **dict.fromkeys(
        (
            "create_action_item",
            "update_action_item",
            "accept_action_item",
            "start_action_item",
            "stop_action_item",
            "implement_action_item",
            "reopen_action_item",
            "set_verification_plan",
            "run_checks",
            "adopt_ticket",
            "resync_ticket",
            "move_local_ticket",
            "preview_verification_plan",
            "create_pattern_item",
        ),
        Action.WRITE_ACTION_ITEM,
    ),
    "decline_action_item": Action.DECLINE,
    "attest_action_item": Action.ATTEST,
    "review_evidence": Action.REVIEW_EVIDENCE,
    "dismiss_finding": Action.DISMISS_FINDING,
    **dict.fromkeys(("raise_boost", "lift_boost"), Action.RAISE_BOOST),
    "answer_suggestion": Action.ANSWER_SUGGESTION,
    **dict.fromkeys(("list_audit_log", "export_audit_log"), Action.READ_AUDIT_LOG),
    **dict.fromkeys(
        (
            "list_webhook_endpoints",
            "create_webhook_endpoint",
            "get_webhook_endpoint",
            "update_webhook_endpoint",
            "remove_webhook_endpoint",
            "rotate_webhook_secret",
            "redeliver_webhooks",
            "list_webhook_deliveries",
            "get_webhook_delivery",
            "redeliver_webhook",
            "ping_webhook_endpoint",
        ),
        Action.SEND_EVENTS_OUT,
    ),
    **dict.fromkeys(
        ("create_meta_review", "rebuild_meta_review", "word_systemic_fix"),
        Action.WRITE_META_REVIEW,
    ),
    **dict.fromkeys(
        ("accept_theme", "dismiss_theme", "send_back_meta_review", "submit_meta_review"), Action.REVIEW_META_REVIEW
    ),
    "publish_meta_review": Action.PUBLISH_META_REVIEW,
    **dict.fromkeys(("record_deployment", "record_annotation"), Action.RECORD_DEPLOYMENT),
    **dict.fromkeys(("suggest_root_causes", "suggest_factors"), Action.READ),
}


class Operation:
    """One method of one address, with values that fit its contract and name nothing that exists."""

    def __init__(self, method: str, path: str, document: Mapping[str, Any]) -> None:
        said = document["paths"][path][method]
        self.name: str = said["operationId"]
        self.method, self.path, self.writes = method.upper(), path, method != "get"
        self.headers, self.query = {"If-Match": '"1"'}, {}
        self._schemas = document["components"]["schemas"]
        for parameter in said.get("parameters", []):
            if parameter["in"] == "path":
                value = EXISTING.get(parameter["name"]) or str(self.example(parameter["schema"]))
                self.path = self.path.replace("{" + parameter["name"] + "}", value)
            elif parameter["in"] == "query" and parameter["required"]:
                self.query[parameter["name"]] = self.example(parameter["schema"])
        content = said.get("requestBody", {}).get("content", {})
        self.body = self.example(content["application/json"]["schema"]) if content else None

    def example(self, schema: Mapping[str, Any]) -> Any:
        if "$ref" in schema:
            return self.example(self._schemas[schema["$ref"].rpartition("/")[2]])
        for several in ("anyOf", "oneOf", "allOf"):
            if several in schema:
                return self.example(next(one for one in schema[several] if one.get("type") != "null"))
        if "const" in schema or "enum" in schema:
            return schema.get("const", schema.get("enum", [None])[0])
        match schema.get("type"):
            case "object":
                return {name: self.example(schema["properties"][name]) for name in schema.get("required", [])}
            case "array":
                return [self.example(schema["items"]) for _ in range(schema.get("minItems", 0))]
            case "integer" | "number":
                return schema.get("minimum", schema.get("exclusiveMinimum", 0) + 1)
            case "boolean":
                return True
        if "0-9a-f" in schema.get("pattern", ""):
            return HASH
        formats = {"uuid": str(uuid4()), "date": "2026-01-01", "date-time": "2026-01-01T00:00:00Z"}
        text = "nobody@example.org" if "@" in schema.get("pattern", "") else "https://x.example/1"
        text = formats.get(schema.get("format", ""), text if "@" in text or "http" in str(schema) else "none")
        return text + "x" * (schema.get("minLength", 0) - len(text))


@pytest.fixture(scope="module")
def operations(application: FastAPI) -> list[Operation]:
    document = application.openapi()
    return [Operation(method, path, document) for path, methods in document["paths"].items() for method in methods]


@pytest.fixture
async def anonymous(client: httpx2.AsyncClient) -> httpx2.AsyncClient:
    for path, body in (
        ("teams", {"slug": "payments", "name": "Payments"}),
        ("services", {"slug": "checkout", "name": "Checkout"}),
        ("people", {"email": "eve@example.org", "name": "Eve"}),
        ("service-accounts", {"slug": "helper", "name": "Helper", "role": "reader"}),
        ("root-causes", {"slug": "dns", "title": "DNS"}),
        ("meta-reviews", {"period": "2026-Q1"}),
    ):
        response = await client.post(f"/v1/{path}", json=body)
        assert response.status_code == 201, response.text
    client.headers["X-Admin"] = client.headers.pop("Authorization")
    return client


async def ask(http: httpx2.AsyncClient, operation: Operation, token: str | None) -> httpx2.Response:
    headers = operation.headers | ({"Authorization": token} if token else {})
    return await http.request(
        operation.method, operation.path, params=operation.query, json=operation.body, headers=headers
    )


def rule_of(operation: Operation) -> Rule:
    return RULES[RULE_OF[operation.name]] if operation.name in RULE_OF else READING


def test_every_operation_has_a_rule(operations: list[Operation]) -> None:
    names = {one.name for one in operations}
    writing = {one.name for one in operations if one.writes}
    assert writing <= set(RULE_OF) | PUBLIC, "A route that writes needs a line in RULE_OF."
    assert set(RULE_OF) | PUBLIC | LOOKS_FIRST <= names, "RULE_OF names a route that is gone."


def test_every_mutation_is_a_route_with_a_rule() -> None:
    assert {route.__name__ for route in MUTATIONS} <= set(RULE_OF)


async def test_without_a_credential_nothing_is_shown(
    anonymous: httpx2.AsyncClient, operations: list[Operation]
) -> None:
    for operation in operations:
        if operation.name not in PUBLIC:
            response = await ask(anonymous, operation, None)
            assert response.status_code == 401, f"{operation.name}: {response.text}"


async def key(http: httpx2.AsyncClient, holder: Mapping[str, Any]) -> str:
    headers = {"Authorization": http.headers["X-Admin"]}
    response = await http.post("/v1/api-keys", json=holder, headers=headers)
    assert response.status_code == 201, response.text
    return f"Bearer {response.json()['token']}"


def expected(operation: Operation, role: Role, scopes: frozenset[str], *, person: bool) -> str | None:
    """The code of the refusal; None where the caller may."""
    rule = rule_of(operation)
    needed = {rule.scope} if operation.writes else {rule.scope, READING.scope}
    if not role.includes(rule.role) or (scopes and not needed <= scopes):
        return "forbidden"
    return "human_required" if rule.human and not person else None


async def differing(
    http: httpx2.AsyncClient, operations: list[Operation], token: str, role: Role, scopes: frozenset[str], person: bool
) -> list[str]:
    """Where what is answered is not what the rules say."""
    found = []
    for operation in operations:
        if operation.name in PUBLIC or operation.name == "revoke_api_key":
            continue
        response = await ask(http, operation, token)
        is_json = "json" in response.headers.get("content-type", "")
        code = response.json().get("code") if response.status_code in (401, 403) and is_json else None
        wanted = expected(operation, role, scopes, person=person)
        assert response.status_code < 500 or response.status_code == 503, f"{operation.name}: {response.text}"
        if code != wanted and not (operation.name in LOOKS_FIRST and response.status_code in (404, 422)):
            found.append(f"{operation.name}: {wanted} expected, {response.status_code} {code} {response.text[:160]}")
    return found


@pytest.mark.parametrize("role", Role)
async def test_a_person_may_what_the_role_says(
    anonymous: httpx2.AsyncClient, operations: list[Operation], role: Role
) -> None:
    headers = {"Authorization": anonymous.headers["X-Admin"]}
    person = {"email": f"{role}@example.org", "name": "Ada", "role": role}
    assert (await anonymous.post("/v1/people", json=person, headers=headers)).status_code == 201
    token = await key(anonymous, {"person": person["email"]})
    differ = await differing(anonymous, operations, token, role, frozenset(), person=True)
    assert not differ, "\n".join(differ)


@pytest.mark.parametrize("scope", [None, *sorted(SCOPES)])
async def test_a_service_account_may_what_its_scope_says_and_no_person_s_part(
    anonymous: httpx2.AsyncClient, operations: list[Operation], scope: str | None
) -> None:
    headers = {"Authorization": anonymous.headers["X-Admin"]}
    account = {"slug": "robot", "name": "Robot", "role": "admin"}
    assert (await anonymous.post("/v1/service-accounts", json=account, headers=headers)).status_code == 201
    scopes = frozenset({scope} if scope else set())
    token = await key(anonymous, {"service_account": "robot", "scopes": sorted(scopes)})
    differ = await differing(anonymous, operations, token, Role.ADMIN, scopes, person=False)
    assert not differ, "\n".join(differ)


SECRET = "Zanzibar"
"""A word that stands in every text of the restricted incident."""


@pytest.fixture
async def restricted(anonymous: httpx2.AsyncClient) -> dict[str, str]:
    """The ids of a restricted incident and of what derives from it, and of what may be named in its place."""
    headers = {"Authorization": anonymous.headers["X-Admin"]}

    async def post(path: str, body: Mapping[str, Any]) -> dict[str, Any]:
        response = await anonymous.post(f"/v1/{path}", json=body, headers=headers)
        assert response.status_code == 201, response.text
        made: dict[str, Any] = response.json()
        return made

    incident = await post(
        "incidents",
        {
            "title": f"{SECRET} is down", "severity": "P1", "services": ["checkout"], "summary": f"{SECRET} fell",
            "visibility": "restricted", "viewers": ["eve@example.org"], "root_cause": "dns",
        },
    )  # fmt: skip
    postmortem = await post("postmortems", {"incident_id": incident["id"]})
    entry = {"text": f"{SECRET} burned", "at": "2026-01-01T00:00:00Z", "kind": "note"}
    response = await anonymous.post(f"/v1/postmortems/{postmortem['id']}/timeline", json=entry, headers=headers)
    item = await post(
        "action-items",
        {"postmortem_id": postmortem["id"], "title": f"Rebuild {SECRET}", "control_type": "prevent"},
    )
    assert response.status_code in (201, 422)
    return {
        "incident_id": incident["id"], "postmortem_id": postmortem["id"], "item_id": item["id"],
    }  # fmt: skip


def about(operation_path: str, operation: Operation, ids: Mapping[str, str]) -> str:
    """The address with the restricted ids where the contract has a place for them."""
    path = operation_path
    for name, id in (EXISTING | dict(ids)).items():
        path = path.replace("{" + name + "}", id)
    return operation.path if "{" in path else path


@pytest.mark.parametrize("role", ["reader", "responder", "reviewer"])
async def test_what_is_restricted_shows_nowhere_to_who_may_not_see_it(
    anonymous: httpx2.AsyncClient, restricted: dict[str, str], application: FastAPI, role: str
) -> None:
    admin = {"Authorization": anonymous.headers["X-Admin"]}
    person = {"email": f"out-{role}@example.org", "name": "Out", "role": role}
    assert (await anonymous.post("/v1/people", json=person, headers=admin)).status_code == 201
    token = await key(anonymous, {"person": person["email"]})
    document, seen_by_admin = application.openapi(), 0
    for template, methods in document["paths"].items():
        for method in methods:
            operation = Operation(method, template, document)
            if operation.name in PUBLIC:
                continue
            operation.path = about(template, operation, restricted)
            response = await ask(anonymous, operation, token)
            said = f"{operation.name} {operation.path}: {response.status_code} {response.text[:200]}"
            leaked = [
                word for word in (SECRET, *restricted.values()) if word in response.text.replace(operation.path, "")
            ]
            assert not leaked or response.status_code == 404, said
            assert SECRET not in response.text, said
            if any(id in operation.path for id in restricted.values()):
                is_empty = response.status_code == 200 and response.json().get("items") == []
                assert response.status_code in (403, 404, 422) or is_empty, said
            if method == "get":
                seen_by_admin += SECRET in (await ask(anonymous, operation, admin["Authorization"])).text
    assert seen_by_admin >= 8  # the test would find nothing if nobody saw it
    kinds = ("incidents", "postmortems", "actionItems", "findings", "deliveries")
    for kind in kinds:
        query = {"query": f"{{ {kind} {{ edges {{ node {{ id }} }} }} }}"}
        answer = (await anonymous.post("/graphql", json=query, headers={"Authorization": token})).json()
        assert kind == "deliveries" or answer.get("data", {}).get(kind, {}).get("edges") == [], answer
