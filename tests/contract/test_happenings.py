"""Facts, deployments, annotations and announcements: the fakes keep the promises of PostgreSQL."""

from dataclasses import replace
from datetime import timedelta
from typing import Any
from uuid import uuid4

import pytest

from app.domain.annotations.model import Annotation, AnnotationReport
from app.domain.announcing.model import Announcement, AnnouncementState, AnnouncementTarget
from app.domain.deployments.model import Deployment, DeploymentState
from app.domain.errors import AlreadyExists, NotFound, Stale
from app.domain.gathering import SourceFact
from app.domain.ids import new_id
from app.domain.incidents.model import Responder, Severity
from app.domain.incidents.paging import Account
from app.domain.organisation.model import Provider, Route
from app.domain.ports import OpenUnitOfWork
from app.domain.postmortems.content import TimelineKind
from app.domain.postmortems.model import Audience, Publication
from tests import make
from tests.contract.storing import stored
from tests.make import NOW

CHECKOUT, SEARCH = make.service("checkout"), make.service("search")
HOUR = timedelta(hours=1)
INCIDENT = make.incident(CHECKOUT, responders=(Responder("pagerduty", "PADA", "Ada", None),))


async def seed(uow: OpenUnitOfWork) -> None:
    await stored(
        uow, lambda u: u.services.add(CHECKOUT), lambda u: u.services.add(SEARCH), lambda u: u.incidents.add(INCIDENT)
    )


def deployment(**fields: Any) -> Deployment:
    given: dict[str, Any] = {
        "id": new_id(), "source": "ci", "external_id": str(new_id()), "service_ids": (SEARCH.id, CHECKOUT.id),
        "recorded_by": "system", "created_at": NOW, "updated_at": NOW, "state": DeploymentState.SUCCEEDED,
        "revision": "abc", "references": ("Acme/Shop#7", "b"), "started_at": NOW - HOUR, "deployed_at": NOW,
        "told_at": NOW,
    }  # fmt: skip
    return Deployment(**(given | fields))


async def test_responders_stay_with_their_incident(uow: OpenUnitOfWork) -> None:
    await seed(uow)
    async with uow() as u:
        found = await u.incidents.find(INCIDENT.id)
    assert found is not None
    assert found.responders == INCIDENT.responders


async def test_facts_are_kept_once_and_taken_once(uow: OpenUnitOfWork) -> None:
    await seed(uow)
    late = SourceFact("p:2", NOW, TimelineKind.NOTE, "late", "https://x.example", machine=False)
    early = SourceFact("p:1", NOW - HOUR, TimelineKind.DETECTION, "early")
    async with uow() as u:
        assert await u.incident_facts.add(INCIDENT.id, [late, early, late], NOW) == 2
        assert await u.incident_facts.add(INCIDENT.id, [replace(early, text="other")], NOW) == 0
        assert await u.incident_facts.add(INCIDENT.id, [], NOW) == 0
        await u.commit()
    async with uow() as u:
        assert await u.incident_facts.untaken(INCIDENT.id, 9) == (early, late)
        assert await u.incident_facts.untaken(INCIDENT.id, 1) == (early,)
        assert await u.incident_facts.untaken(INCIDENT.id, 0) == ()
        await u.incident_facts.taken(INCIDENT.id, ["p:1"])
        await u.commit()
    async with uow() as u:
        assert await u.incident_facts.untaken(INCIDENT.id, 9) == (late,)
        assert await u.incident_facts.untaken(new_id(), 9) == ()


async def test_the_last_account_replaces_the_one_before(uow: OpenUnitOfWork) -> None:
    await seed(uow)
    moments = {"started_at": NOW, "resolved_at": None}
    account = Account(INCIDENT.id, "pagerduty", NOW, "Errors", Severity.P1, moments)
    async with uow() as u:
        assert await u.incident_facts.find_account(INCIDENT.id, "pagerduty") is None
        await u.incident_facts.keep_account(replace(account, title="Before"))
        await u.incident_facts.keep_account(account)
        await u.commit()
    async with uow() as u:
        assert await u.incident_facts.find_account(INCIDENT.id, "pagerduty") == account


async def test_a_deployment_is_found_by_its_name_there_and_by_what_it_names(uow: OpenUnitOfWork) -> None:
    await seed(uow)
    one = deployment(external_id="42")
    await stored(uow, lambda u: u.deployments.add(one))
    async with uow() as u:
        assert await u.deployments.get_external("ci", "42") == one
        assert await u.deployments.get_external("ci", "43") is None
        assert await u.deployments.find(one.id) == one
        assert await u.deployments.find(new_id()) is None
        assert await u.deployments.naming(["acme/shop#7", "nothing"]) == (one,)
        assert await u.deployments.naming([]) == ()
        saved = await u.deployments.save(replace(one, references=("c",), service_ids=(CHECKOUT.id,)))
        assert await u.deployments.naming(["b"]) == ()
        assert await u.deployments.find(one.id) == saved
        await u.commit()
    with pytest.raises(Stale):
        async with uow() as u:
            await u.deployments.save(one)
    with pytest.raises(AlreadyExists):
        await stored(uow, lambda u: u.deployments.add(deployment(external_id="42")))


async def test_deployments_between_are_those_of_the_services_that_overlap(uow: OpenUnitOfWork) -> None:
    await seed(uow)
    early, late = deployment(started_at=None, deployed_at=NOW - 3 * HOUR), deployment()
    elsewhere = deployment(service_ids=(SEARCH.id,))
    await stored(uow, *(lambda u, one=one: u.deployments.add(one) for one in (early, late, elsewhere)))  # type: ignore[misc]
    async with uow() as u:
        assert await u.deployments.between([CHECKOUT.id], NOW - 4 * HOUR, NOW) == (late, early)
        assert await u.deployments.between([CHECKOUT.id], NOW - 2 * HOUR, NOW - HOUR) == (late,)
        assert await u.deployments.between([CHECKOUT.id], NOW - 2 * HOUR, NOW - 1.5 * HOUR) == ()


async def test_annotations_of_services_or_of_none_that_overlap(uow: OpenUnitOfWork) -> None:
    await seed(uow)

    def annotation(id: str, at: Any, *services: Any, ends_at: Any = None) -> Annotation:
        said = AnnotationReport("flags", id, at, "On", TimelineKind.TRIGGER, ends_at, "https://x.example")
        return Annotation(new_id(), said, services, "system", NOW, NOW)

    mine, all_, other = annotation("1", NOW, CHECKOUT.id), annotation("2", NOW), annotation("3", NOW, SEARCH.id)
    long = annotation("4", NOW - 5 * HOUR, CHECKOUT.id, ends_at=NOW)
    await stored(uow, *(lambda u, one=one: u.annotations.add(one) for one in (mine, all_, other, long)))  # type: ignore[misc]
    async with uow() as u:
        assert await u.annotations.between([CHECKOUT.id], NOW - HOUR, NOW) == (long, mine, all_)
        assert await u.annotations.get_external("flags", "1") == mine
        assert await u.annotations.get_external("api", "1") is None
        saved = await u.annotations.save(mine.told(replace(mine.report, text="Off"), [SEARCH.id]))
        assert await u.annotations.get_external("flags", "1") == saved
        await u.commit()
    with pytest.raises(AlreadyExists):
        await stored(uow, lambda u: u.annotations.add(annotation("1", NOW)))
    with pytest.raises(Stale):
        async with uow() as u:
            await u.annotations.save(mine)


async def test_a_place_is_told_once_in_its_turn(uow: OpenUnitOfWork) -> None:
    await seed(uow)
    postmortem = make.postmortem(INCIDENT)
    await stored(uow, lambda u: u.postmortems.add(postmortem))
    pd, grafana = AnnouncementTarget.PAGERDUTY, AnnouncementTarget.GRAFANA
    told = Announcement(new_id(), postmortem.id, INCIDENT.id, pd, "P1", uuid4(), NOW)
    async with uow() as u:
        assert await u.announcements.add(told)
        assert not await u.announcements.add(replace(told, id=new_id()))
        assert await u.announcements.add(replace(told, id=new_id(), target=grafana))
        await u.commit()
    async with uow() as u:
        assert await u.announcements.get(told.id, of=postmortem.id) == told
        assert len(await u.announcements.of_incident(INCIDENT.id)) == 2
        assert await u.announcements.due(NOW, pd, 9) == (told.id,)
        for id, of in ((new_id(), None), (told.id, new_id())):
            with pytest.raises(NotFound):
                await u.announcements.get(id, of=of)
        await u.announcements.hold(pd, NOW + HOUR)
        assert await u.announcements.due(NOW, pd, 9) == ()
        assert await u.announcements.due(NOW + HOUR, pd, 9) == (told.id,)
        assert len(await u.announcements.due(NOW, grafana, 9)) == 1
        leased = replace(told, lease_until=NOW + HOUR, attempts=1, attempt_at=NOW)
        await u.announcements.save(leased)
        assert await u.announcements.due(NOW, pd, 9) == ()
        await u.announcements.save(replace(leased, state=AnnouncementState.POSTED, posted_as="note 1"))
        await u.commit()
    async with uow() as u:
        assert (await u.announcements.get(told.id)).posted_as == "note 1"
        assert await u.announcements.due(NOW + 2 * HOUR, pd, 9) == ()


async def test_the_latest_publication_is_the_one_with_the_highest_number(uow: OpenUnitOfWork) -> None:
    await seed(uow)
    postmortem, ada = make.postmortem(INCIDENT), make.person()
    await stored(uow, lambda u: u.postmortems.add(postmortem), lambda u: u.people.add(ada))
    for number in (1, 2):
        version = Publication(number, "hash", {"n": number}, Audience.ENGINEERING, ada.id, NOW)
        await stored(uow, lambda u, version=version: u.postmortems.publish(postmortem.id, version))  # type: ignore[misc]
    async with uow() as u:
        assert await u.postmortems.latest_publication(postmortem.id) == version
        assert await u.postmortems.latest_publication(new_id()) is None


async def test_services_are_found_by_name_and_by_repository(uow: OpenUnitOfWork) -> None:
    shop = make.service("shop", name="The Shop", route=Route(Provider.GITHUB, "Acme/Shop"))
    twins = [make.service(slug, name="Twin", route=Route(Provider.JIRA, "ACME")) for slug in ("one", "two")]
    await stored(uow, *(lambda u, one=one: u.services.add(one) for one in (shop, *twins)))  # type: ignore[misc]
    async with uow() as u:
        assert await u.services.find_by_name("the shop") == shop
        assert await u.services.find_by_name("twin") is None
        assert await u.services.find_by_name("nobody") is None
        assert await u.services.of_repository("acme/shop") == (shop,)
        assert await u.services.of_repository("ACME") == ()


async def test_tickets_are_found_by_key_or_url_in_any_case(uow: OpenUnitOfWork) -> None:
    await seed(uow)
    item = make.action_item(service_id=CHECKOUT.id, owner_id=None)
    ticket = make.ticket(item, key="Acme/Shop#7", url="https://GitHub.example/7")
    await stored(uow, lambda u: u.action_items.add(item), lambda u: u.tickets.add(ticket))
    async with uow() as u:
        for name in ("acme/shop#7", "https://github.example/7"):
            assert await u.tickets.find_named([name, "x"]) == (ticket,)
        assert await u.tickets.find_named(["acme/shop"]) == ()
