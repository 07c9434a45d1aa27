"""Deployments: recorded once, hints for incidents, and the date of a fix, which is never guessed."""

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from app.domain.access import Role
from app.domain.actions.evidence import CheckKind, VerificationPlan
from app.domain.actions.model import ActionItem, Status
from app.domain.actions.use_cases.deployment import date_by_deployment, follow_deployment
from app.domain.annotations.model import AnnotationEndsBeforeItStarts, AnnotationReport
from app.domain.annotations.use_cases import Noted, record_annotation
from app.domain.deployments.model import (
    ContradictoryDeployment,
    Deployment,
    DeploymentReport,
    DeploymentState,
    RepositoryReport,
)
from app.domain.deployments.timeline import AnnotationTimeline, DeploymentTimeline
from app.domain.deployments.use_cases import (
    Recorded,
    act_on_deployments,
    apply_repository_report,
    get_changes,
    record_deployment,
)
from app.domain.errors import AlreadyExists, Forbidden, NotFound, UnknownReference
from app.domain.events import EventType
from app.domain.follow_through.model import Finding, FindingCode
from app.domain.gathering import Window
from app.domain.ids import new_id
from app.domain.incidents.model import Moments, NoService, Visibility
from app.domain.organisation.model import Provider, Route
from app.domain.policy import DeploymentPolicy
from app.domain.ports import InboxItem
from tests import make
from tests.fakes import FakeUnitOfWork
from tests.make import NOW

POLICY = DeploymentPolicy()
S = DeploymentState
CHECKOUT, SEARCH = make.service("checkout"), make.service("search")
CI = make.caller(make.service_account())
HOUR = timedelta(hours=1)


def report(**fields: Any) -> DeploymentReport:
    return DeploymentReport(**({"source": "ci", "external_id": "42"} | fields))


class World:
    def __init__(self) -> None:
        self.uow, self.clock = FakeUnitOfWork(), make.FixedClock()
        self.uow.seed(CHECKOUT, SEARCH)

    async def record(self, *services: str, caller: Any = CI, **fields: Any) -> Recorded:
        said = report(**fields)
        return await record_deployment(
            self.uow, self.clock, POLICY, caller=caller, said=said, services=services or ("checkout",)
        )

    def deployed(self, at: Any, **fields: Any) -> Deployment:
        given: dict[str, Any] = {
            "id": new_id(), "source": "ci", "external_id": str(new_id()), "service_ids": (CHECKOUT.id,),
            "recorded_by": "ci", "created_at": at, "updated_at": at, "state": S.SUCCEEDED, "deployed_at": at,
        }  # fmt: skip
        deployment = Deployment(**(given | fields))
        self.uow.seed(deployment)
        return deployment

    def item(self, **fields: Any) -> ActionItem:
        plan = VerificationPlan((CheckKind.ATTESTED,), 30)
        opened = NOW - timedelta(days=9)
        given: dict[str, Any] = {"status": Status.IMPLEMENTED, "plan": plan, "opened_at": opened, "implemented_at": NOW}
        item = make.action_item(**(given | fields))
        self.uow.seed(item, make.ticket(item, key="Acme/Shop#7", url="https://GitHub.example/acme/shop/issues/7"))
        return item

    def now_item(self, item: ActionItem) -> ActionItem:
        return self.uow.action_items.rows[item.id]  # type: ignore[attr-defined, no-any-return]

    async def date(self, item: ActionItem) -> ActionItem | None:
        return await date_by_deployment(self.uow, self.clock, POLICY, item_id=item.id)

    async def follow(self, deployment: Deployment) -> int:
        return await follow_deployment(self.uow, self.clock, POLICY, deployment_id=deployment.id)

    @property
    def findings(self) -> list[Finding]:
        return list(self.uow.findings.rows.values())  # type: ignore[attr-defined]


async def test_a_deployment_is_recorded_once_however_often_it_is_told() -> None:
    world = World()
    first = await world.record(revision="abc")
    again = await world.record(revision="abc")
    assert (first.is_new, again.is_new, again.deployment) == (True, False, first.deployment)
    assert (first.deployment.deployed_at, first.deployment.environment) == (NOW, "production")
    assert world.uow.event_types == [EventType.DEPLOYMENT_RECORDED]


async def test_a_later_report_goes_on_from_the_first_and_needs_no_services() -> None:
    world = World()
    await world.record(state=S.IN_PROGRESS, started_at=NOW - HOUR, revision="abc", references=("A",))
    world.clock.forward(minutes=5)
    said = report(state=S.SUCCEEDED, references=("B", "A"), environment="prod")
    done = (await record_deployment(world.uow, world.clock, POLICY, caller=CI, said=said)).deployment
    assert (done.revision, done.references, done.environment) == ("abc", ("A", "B"), "prod")
    assert (done.service_ids, done.deployed_at) == ((CHECKOUT.id,), world.clock.now)
    world.clock.forward(minutes=5)
    back = (await world.record("search", state=S.ROLLED_BACK)).deployment
    assert (back.state, back.deployed_at, back.service_ids) == (S.ROLLED_BACK, done.deployed_at, (SEARCH.id,))
    assert (back.began_at, back.ended_at) == (NOW - HOUR, done.deployed_at)


async def test_an_older_report_changes_nothing() -> None:
    world = World()
    await world.record(state=S.SUCCEEDED, told_at=NOW)
    late = await world.record(state=S.IN_PROGRESS, told_at=NOW - HOUR)
    assert late.deployment.state is S.SUCCEEDED


async def test_one_that_is_only_asked_for_began_when_it_was_told() -> None:
    asked = (await World().record(state=S.PENDING)).deployment
    assert (asked.deployed_at, asked.began_at, asked.ended_at) == (None, NOW, NOW)


async def test_what_cannot_be_true_is_refused() -> None:
    world = World()
    for wrong in ({"deployed_at": NOW + HOUR}, {"started_at": NOW + HOUR},
                  {"started_at": NOW, "deployed_at": NOW - HOUR}):  # fmt: skip
        with pytest.raises(ContradictoryDeployment):
            await world.record(**wrong)
    with pytest.raises(NoService):
        await record_deployment(world.uow, world.clock, POLICY, caller=CI, said=report())
    with pytest.raises(UnknownReference):
        await world.record("nowhere")
    with pytest.raises(Forbidden):
        await world.record(caller=make.caller(role=Role.READER))
    with pytest.raises(Forbidden):
        await world.record(caller=replace(CI, scopes=frozenset({"boosts:write"})))
    assert world.uow.recorded == ()


class Lost(FakeUnitOfWork):
    """The first commit finds that somebody else was faster."""

    lost = False

    async def commit(self) -> None:
        if not self.lost:
            self.lost = True
            raise AlreadyExists
        await super().commit()


async def test_two_reports_at_once_make_one_deployment() -> None:
    world = World()
    world.uow = Lost()
    world.uow.seed(CHECKOUT)
    assert (await world.record()).is_new
    assert len(world.uow.deployments.rows) == 1
    world.uow.lost = False
    said = AnnotationReport("api", "1", NOW, "x")
    assert (await record_annotation(world.uow, world.clock, caller=CI, said=said)).is_new


# ── Where to look first ──────────────────────────────────────────────────────────────────────────────────────────


async def changes(world: World, incident: Any, caller: Any = None, hours: int | None = None) -> list[tuple[Any, float]]:
    world.uow.seed(incident)
    who = caller or make.caller(role=Role.READER)
    found = await get_changes(world.uow, POLICY, caller=who, incident_id=incident.id, hours=hours)
    return [(one.deployment.id, one.minutes_before) for one in found]


async def test_deployments_of_the_services_before_the_start_are_hints_the_nearest_first() -> None:
    world, start = World(), NOW - HOUR
    near, far = world.deployed(start - timedelta(minutes=10)), world.deployed(start - 23 * HOUR)
    under_way = world.deployed(start + HOUR, started_at=start - timedelta(minutes=2))
    failed = world.deployed(start - 2 * HOUR, state=S.FAILED)
    world.deployed(start - 25 * HOUR)
    world.deployed(start + timedelta(seconds=1))
    world.deployed(start - HOUR, environment="staging")
    world.deployed(start - HOUR, service_ids=(SEARCH.id,))
    incident = make.incident(CHECKOUT, started_at=start)
    expected = [(under_way.id, 2.0), (near.id, 10.0), (failed.id, 120.0), (far.id, 23 * 60.0)]
    assert await changes(world, incident) == expected
    assert await changes(world, incident, hours=1) == expected[:2]


async def test_without_a_start_the_detection_counts_and_without_both_there_are_no_hints() -> None:
    world = World()
    near = world.deployed(NOW - HOUR)
    assert await changes(world, make.incident(CHECKOUT, moments=Moments(detected_at=NOW))) == [(near.id, 60.0)]
    assert await changes(world, make.incident(CHECKOUT, moments=Moments())) == []


async def test_hints_of_a_restricted_incident_are_for_its_viewers_only() -> None:
    world = World()
    incident = make.incident(CHECKOUT, visibility=Visibility.RESTRICTED)
    with pytest.raises(NotFound):
        await changes(world, incident)
    assert await changes(world, incident, make.caller(role=Role.ADMIN)) == []


# ── The date of a fix ────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("name", ["id", "acme/shop#7", "ACME/Shop#7 ", "https://github.example/acme/shop/issues/7"])
async def test_an_implemented_item_is_dated_by_the_deployment_that_names_it_or_its_ticket(name: str) -> None:
    world = World()
    item = world.item()
    reference = str(item.id).upper() if name == "id" else name
    deployment = world.deployed(NOW - HOUR, references=("something else", reference))
    assert await world.follow(deployment) == 1
    dated = world.now_item(item)
    assert (dated.deployed_at, dated.evidence_due_on) == (NOW - HOUR, (NOW - HOUR + timedelta(days=30)).date())
    (change,) = [c for c in world.uow.changes.of_item(item.id) if c.field == "deployed_at"]
    assert change.source == "deployment"


async def test_the_first_deployment_since_the_item_was_opened_counts() -> None:
    world = World()
    item = world.item(reopened_at=NOW - timedelta(days=2))
    for days in (3, 1, 0.5):
        world.deployed(NOW - timedelta(days=days), references=(str(item.id),))
    dated = await world.date(item)
    assert dated is not None
    assert dated.deployed_at == NOW - timedelta(days=1)


@pytest.mark.parametrize(
    "fields",
    [{"environment": "staging"}, {"state": S.FAILED}, {"state": S.IN_PROGRESS}, {"deployed_at": None},
     {"references": ("acme/shop#70",)}, {"references": ()}, {"deployed_at": NOW - timedelta(days=10)}],
)  # fmt: skip
async def test_nothing_else_dates_an_item(fields: dict[str, Any]) -> None:
    world = World()
    item = world.item()
    deployment = world.deployed(NOW - HOUR, **({"references": ("acme/shop#7",)} | fields))
    assert await world.follow(deployment) == 0
    assert world.now_item(item).deployed_at is None


@pytest.mark.parametrize("fields", [{"status": Status.OPEN}, {"deployed_at": NOW - 2 * HOUR}])
async def test_what_is_not_implemented_or_already_dated_stays(fields: dict[str, Any]) -> None:
    world = World()
    item = world.item(**fields)
    world.deployed(NOW - HOUR, references=(str(item.id),))
    assert await world.date(item) is None
    assert world.now_item(item) == item


async def test_an_item_without_a_ticket_is_found_by_its_id_and_the_open_question_is_settled() -> None:
    world = World()
    item = world.item(opened_at=None, created_at=NOW - timedelta(days=9))
    world.uow.tickets.rows.clear()  # type: ignore[attr-defined]
    unknown = Finding(
        new_id(), FindingCode.DEPLOYMENT_UNKNOWN, "action_item", item.id, "unknown", "say it", NOW
    )  # fmt: skip
    world.uow.seed(unknown)
    world.deployed(NOW - HOUR, references=(str(item.id),))
    assert await world.date(item) is not None
    assert world.findings[0].closed_at == NOW


async def test_a_rollback_of_what_brought_a_fix_asks_a_person_once() -> None:
    world = World()
    item = world.item(deployed_at=NOW - HOUR)
    other = world.item(deployed_at=NOW - 2 * HOUR)
    references = (str(item.id), str(other.id))
    back = world.deployed(NOW - HOUR, references=references, state=S.ROLLED_BACK)
    assert await world.follow(back) == 1
    assert await world.follow(back) == 0
    (finding,) = world.findings
    assert (finding.code, finding.subject_id) == (FindingCode.FIX_ROLLED_BACK, item.id)
    assert world.now_item(item).deployed_at == NOW - HOUR


async def test_a_deployment_that_is_gone_is_followed_by_nothing() -> None:
    assert await follow_deployment(FakeUnitOfWork(), make.FixedClock(), POLICY, deployment_id=new_id()) == 0


# ── What a forge tells ───────────────────────────────────────────────────────────────────────────────────────────


async def tell(world: World, **fields: Any) -> str:
    environment = fields.pop("environment", "production")
    given: dict[str, Any] = {
        "report": report(source="github", environment=environment), "repository": "Acme/Shop", "is_production": False,
    }  # fmt: skip
    return await apply_repository_report(world.uow, world.clock, POLICY, said=RepositoryReport(**(given | fields)))


async def test_a_repository_is_every_service_whose_own_route_it_is() -> None:
    world = World()
    shop, cart = (make.service(slug, route=Route(Provider.GITHUB, "acme/shop")) for slug in ("shop", "cart"))
    jira = make.service("billing", route=Route(Provider.JIRA, "acme/shop"))
    world.uow.seed(shop, cart, jira)
    assert await tell(world) == "recorded"
    assert await tell(world) == "known already"
    (deployment,) = world.uow.deployments.rows.values()
    assert deployment.service_ids == (cart.id, shop.id)


async def test_services_that_it_names_itself_win_and_unknown_repositories_are_said() -> None:
    world = World()
    assert await tell(world) == "no service's route names the repository Acme/Shop"
    assert await tell(world, services=("search", "nowhere")) == "recorded"
    (deployment,) = world.uow.deployments.rows.values()
    assert deployment.service_ids == (SEARCH.id,)


async def test_a_preview_is_of_no_interest_unless_the_forge_calls_it_production() -> None:
    world = World()
    assert await tell(world, environment="pr-12", services=("search",)) == "not production"
    assert await tell(world, environment="eu-1", services=("search",), is_production=True) == "recorded"
    (deployment,) = world.uow.deployments.rows.values()
    assert deployment.is_production(POLICY)


async def test_a_webhook_about_something_else_is_left_to_others() -> None:
    world = World()
    said = RepositoryReport(report(environment="prod"), "acme/shop", False, ("search",))

    class Webhooks:
        def read_deployment(self, headers: Any, body: bytes) -> RepositoryReport | None:
            return said if body else None

    act = act_on_deployments(world.uow, world.clock, POLICY, Webhooks())
    assert await act(InboxItem(new_id(), "github", "d1", {}, b"", NOW)) is None
    assert await act(InboxItem(new_id(), "github", "d2", {}, b"{}", NOW)) == "recorded"


# ── Annotations, and both in timelines ───────────────────────────────────────────────────────────────────────────


async def note(world: World, *services: str, **fields: Any) -> Noted:
    said = AnnotationReport(**({"source": "flags", "external_id": "1", "at": NOW, "text": "New flow on"} | fields))
    return await record_annotation(world.uow, world.clock, caller=CI, said=said, services=services)


async def test_an_annotation_is_recorded_once_and_corrected_when_told_again() -> None:
    world = World()
    first, again = await note(world, "checkout"), await note(world, "checkout")
    fixed = await note(world, "search", text="New flow off")
    assert (first.is_new, again.is_new, fixed.is_new) == (True, False, False)
    assert (fixed.annotation.report.text, fixed.annotation.service_ids) == ("New flow off", (SEARCH.id,))
    assert world.uow.event_types == [EventType.ANNOTATION_RECORDED] * 2
    with pytest.raises(AnnotationEndsBeforeItStarts):
        await note(world, ends_at=NOW - HOUR)
    with pytest.raises(UnknownReference):
        await note(world, "nowhere")


async def test_timelines_know_what_went_to_production_and_what_was_noted() -> None:
    world, window = World(), Window(NOW - 2 * HOUR, NOW)
    done = world.deployed(NOW - HOUR, revision="0123456789abcdef", description="New cart", url="https://ci.example/1")
    world.deployed(NOW - HOUR, environment="staging")
    back = world.deployed(NOW, state=S.ROLLED_BACK, service_ids=(SEARCH.id, CHECKOUT.id))
    facts = await DeploymentTimeline(world.uow, POLICY).gather(window, [CHECKOUT])
    assert {(fact.id, fact.text) for fact in facts} == {
        (f"deployment:{done.id}:succeeded", "Deployed: checkout 0123456789ab. New cart"),
        (f"deployment:{back.id}:rolled_back", "Rolled back: checkout"),
    }
    mine, everywhere = await note(world, "checkout"), await note(world, external_id="2")
    await note(world, "search", external_id="3")
    await note(world, external_id="4", at=NOW + HOUR)
    noted = await AnnotationTimeline(world.uow).gather(window, [CHECKOUT])
    assert [fact.id for fact in noted] == [f"annotation:{one.annotation.id}" for one in (mine, everywhere)]
