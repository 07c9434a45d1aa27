"""Comparing incidents: words, signals, reasons."""

from datetime import UTC, datetime, timedelta
from uuid import uuid4

import pytest

from app.adapters.models.weights import shipped_models
from app.domain.learning.remembering import Accounts
from app.domain.learning.resemblance import Comparer, Story, account_of
from app.domain.learning.suggestions import KnownIncident
from app.domain.learning.words import Rarity, bucket, cosine, shared, stems, vector

START = datetime(2026, 1, 1, tzinfo=UTC)
MODELS = shipped_models()
PROBE = "The pods were killed because the liveness probe timeout was too short."
AGAIN = "Pods restarted again, caused by a probe timeout that was set too low for a slow start."
OTHER = "The pods were killed because the disk was full after a spike in traffic."


def likeness(one: Story, other: Story, *more: Story) -> tuple[float, dict[str, str]]:
    accounts = [account_of(MODELS.factors, story) for story in (one, other, *more)]
    found = Comparer(MODELS.resemblance, accounts).likeness(accounts[0], accounts[1])
    return found.score, {reason.code: reason.text for reason in found.reasons}


def test_the_same_cause_is_likelier_than_the_same_symptom() -> None:
    title = "Pods keep restarting"
    same, reasons = likeness(Story(PROBE, title), Story(AGAIN, title), Story(OTHER, title))
    alike, _ = likeness(Story(PROBE, title), Story(OTHER, title), Story(AGAIN, title))
    assert same > alike
    assert "timeout-misconfiguration" in reasons["shared_factors"]
    assert "timeout" in reasons["same_mechanism"]
    assert "probe" in reasons["shared_wording"]


def test_nothing_in_common_is_unlikely_and_has_no_reasons() -> None:
    score, reasons = likeness(Story("Leap second."), Story("Fraudulent purchase noticed."))
    assert score < 0.1
    assert reasons == {}


def test_circumstances_add_to_it_with_their_reasons() -> None:
    service = frozenset({uuid4()})
    here = Story(PROBE, service_ids=service, change_kind="config", at=START)
    near = Story(AGAIN, service_ids=service, change_kind="config", at=START + timedelta(days=12))
    far = Story(AGAIN, change_kind="flag", at=START + timedelta(days=400))
    score, reasons = likeness(here, near)
    assert {"same_service", "same_change_kind", "close_in_time"} <= reasons.keys()
    assert reasons["close_in_time"] == "12 days apart."
    other, fewer = likeness(here, far)
    assert score > other
    assert not {"same_service", "same_change_kind", "close_in_time"} & fewer.keys()


def test_what_people_said_of_factors_and_cause_counts() -> None:
    plain, _ = likeness(Story("It broke."), Story("It fell over."))
    told = Story("It broke.", stated_cause="quorum lost", factors=frozenset({"network"}))
    same = Story("It fell over.", stated_cause="quorum lost", factors=frozenset({"network"}))
    score, reasons = likeness(told, same)
    assert score > plain
    assert "network" in reasons["shared_factors"]


def test_timeline_and_heading_change_what_a_sentence_is_worth() -> None:
    def worth(heading: str) -> float:
        text = f"Title\n\n## {heading}\nThe quorum vanished."
        return account_of(MODELS.factors, Story(text)).causal["quorum"]

    assert worth("Root cause") > worth("Notes") > worth("Timeline")


def test_words_are_stems_whole_and_in_parts() -> None:
    assert stems("Load-balancers were restarting; policies stopped a class") == [
        "load-balancer", "load", "balancer", "restart", "policy", "stopp", "class",
    ]  # fmt: skip
    assert stems("a_ -- the of 404") == []


def test_rare_words_weigh_more() -> None:
    rarity = Rarity(0, {}).among([["disk", "quorum"], ["disk"], ["disk"]])
    assert rarity.of("quorum") > rarity.of("disk") > 0
    learnt = Rarity(0, {}, 100, tuple(90 if place == bucket("disk", 64) else 0 for place in range(64)))
    assert learnt.of("disk") < learnt.of("quorum")
    a, b = vector({"disk": 1.0, "quorum": 1.0}, rarity), vector({"quorum": 1.0}, rarity)
    assert cosine(a, b) == cosine(b, a) == pytest.approx(a["quorum"])
    assert shared(a, b, 3) == ("quorum",)
    assert vector({}, rarity) == {}


def test_a_story_is_read_once_until_it_changes() -> None:
    known = KnownIncident(uuid4(), "t", "P1", None, "s", Story(PROBE), "1:0")
    accounts = Accounts(most=1)
    first = accounts.of(known, MODELS.factors)
    assert accounts.of(known, MODELS.factors) is first
    assert accounts.of(KnownIncident(known.id, "t", "P1", None, "s", Story(AGAIN), "2:0"), MODELS.factors) is not first
    assert accounts.of(known, MODELS.factors) is not first
