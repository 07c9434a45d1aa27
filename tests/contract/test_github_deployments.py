"""GitHub's deployment events, made of the official examples of a deployment and of its status."""

import json
from datetime import UTC, datetime
from typing import Any

import pytest

from app.adapters.trackers.github_deployments import GitHubDeployments
from app.domain.deployments.model import DeploymentState, RepositoryReport
from app.domain.errors import Invalid
from tests.contract.github_contract import GitHubContract

FORGE = GitHubDeployments()
S = DeploymentState


def example(name: str) -> dict[str, Any]:
    found: Any = GitHubContract.load().examples[f"{name}-items"]
    return found[0] if isinstance(found, list) else found


def said(status: dict[str, Any] | None = None, **deployment: Any) -> RepositoryReport | None:
    body: dict[str, Any] = {
        "action": "created", "deployment": example("deployment") | deployment,
        "repository": {"full_name": "octocat/example"},
    }  # fmt: skip
    event = "deployment"
    if status is not None:
        body["deployment_status"], event = example("deployment-status") | status, "deployment_status"
    return FORGE.read_deployment({"x-github-event": event}, json.dumps(body).encode())


def told(status: dict[str, Any] | None = None, **deployment: Any) -> RepositoryReport:
    found = said(status, **deployment)
    assert found is not None
    return found


def test_a_deployment_is_asked_for() -> None:
    found = told()
    official = example("deployment")
    assert (found.report.external_id, found.report.state) == (str(official["id"]), S.PENDING)
    assert (found.report.revision, found.repository) == (official["sha"], "octocat/example")
    assert (found.report.environment, found.report.deployed_at) == ("production", None)


@pytest.mark.parametrize(
    ("state", "expected"),
    [("queued", S.PENDING), ("in_progress", S.IN_PROGRESS), ("success", S.SUCCEEDED), ("failure", S.FAILED),
     ("error", S.FAILED)],
)  # fmt: skip
def test_a_status_says_how_far_it_is(state: str, expected: DeploymentState) -> None:
    at = datetime(2012, 7, 20, 1, 19, 13, tzinfo=UTC)
    report = told({"state": state}).report
    assert (report.state, report.told_at) == (expected, at)
    assert report.deployed_at == (at if expected is S.SUCCEEDED else None)


@pytest.mark.parametrize("state", ["inactive", "something_new"])
def test_one_that_a_later_one_replaced_says_nothing(state: str) -> None:
    assert said({"state": state}) is None


def test_the_one_who_deployed_names_services_and_what_it_contains() -> None:
    payload = {"services": ["checkout", 7], "references": ["SHOP-1", "acme/shop#7"]}
    for given in (payload, json.dumps(payload)):
        found = told(payload=given)
        assert (found.services, found.report.references) == (("checkout",), ("SHOP-1", "acme/shop#7"))
    assert told(payload={"service": "checkout"}).services == ("checkout",)
    for nothing in ("", "{", "7", [], None):
        assert told(payload=nothing).services == ()


def test_production_is_what_github_calls_so_unless_it_is_transient() -> None:
    assert told(production_environment=True, transient_environment=False).is_production
    assert not told(production_environment=True, transient_environment=True).is_production
    assert not told(production_environment=False).is_production


def test_other_events_are_somebody_elses() -> None:
    assert FORGE.read_deployment({"x-github-event": "issues"}, b"not even JSON") is None


@pytest.mark.parametrize("body", [b"[]", b"{}", b'{"deployment": 7, "repository": {}}', b"nope"])
def test_what_cannot_be_read_is_refused_for_good(body: bytes) -> None:
    with pytest.raises(Invalid):
        FORGE.read_deployment({"x-github-event": "deployment"}, body)
