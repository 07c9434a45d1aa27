"""Slack against its official file: what people wrote becomes facts, and what is told is told once."""

from collections.abc import AsyncIterator, Sequence
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta

import httpx2
import pytest

from app.adapters.chat.slack import SlackTimeline
from app.adapters.chat.slack_board import SlackBoard, SlackMessages
from app.adapters.chat.slack_client import SlackClient
from app.adapters.chat.slack_doctor import check_slack
from app.adapters.chat.slack_rooms import SlackRoom
from app.adapters.chat.slack_text import plain
from app.adapters.chat.slack_webhooks import SlackEvents, sign
from app.domain.digests.model import Digest, Group, GroupName, Line, PostKind
from app.domain.errors import Unauthenticated
from app.domain.gathering import SourceFact, Window
from app.domain.ids import new_id
from app.domain.organisation.model import Service
from app.domain.providers import (
    NotThere,
    ProviderNotConfigured,
    ProviderOutcomeUnknown,
    ProviderRefused,
    ProviderUnavailable,
)
from tests.contract.faults import Fault
from tests.contract.slack_simulator import CHANNEL, SlackSimulator, example, message
from tests.contract.test_pagerduty import notice
from tests.make import NOW

WINDOW = Window(NOW - timedelta(hours=1), NOW + timedelta(hours=1))
T = int(NOW.timestamp())


@pytest.fixture
def simulator() -> SlackSimulator:
    return SlackSimulator()


@pytest.fixture
async def http(simulator: SlackSimulator) -> AsyncIterator[httpx2.AsyncClient]:
    async with httpx2.AsyncClient(transport=simulator.transport()) as client:
        yield client


@pytest.fixture
def slack(simulator: SlackSimulator, http: httpx2.AsyncClient) -> SlackClient:
    return simulator.client(http)


async def gathered(
    slack: SlackClient, *channels: str, window: Window = WINDOW, most: int = 1000
) -> Sequence[SourceFact]:
    async def channels_of(_services: Sequence[Service]) -> Sequence[str]:
        return channels or ("#general",)

    return await SlackTimeline(slack, channels_of, most=most).gather(window, [])


# ── Reading ──────────────────────────────────────────────────────────────────────────────────────────────────────


async def test_history_and_replies_become_facts_with_stable_ids_and_links(
    simulator: SlackSimulator, slack: SlackClient
) -> None:
    parent = f"{T}.000100"
    simulator.messages[CHANNEL] = [
        message(parent, "the queue is full", reply_count=2, thread_ts=parent),
        message(f"{T - 7200}.000100", "too early"),
        message(f"{T + 5}.000100", "", bot_id="B1", user=None, username="deploys", attachments=[{"text": "v2 is out"}]),
        message(f"{T + 6}.000100", "joined", subtype="channel_join"),
    ]
    simulator.replies[parent] = [
        message(f"{T + 1}.000100", "on it", thread_ts=parent),
        message(f"{T + 2}.000100", "rolled back", thread_ts=parent, user="U_GONE"),
    ]
    facts = {fact.id: fact for fact in await gathered(slack)}
    assert list(facts) == [f"slack:{CHANNEL}/{T + n}.000100" for n in (5, 0, 1, 2)]
    said, reply = facts[f"slack:{CHANNEL}/{parent}"], facts[f"slack:{CHANNEL}/{T + 1}.000100"]
    assert (said.text, said.author, said.machine) == ("the queue is full", "grace", False)
    assert said.occurred_at == NOW.replace(microsecond=100)
    assert said.url == f"https://subarachnoid.slack.com/archives/{CHANNEL}/p{T}000100"
    assert (
        reply.url
        == f"https://subarachnoid.slack.com/archives/{CHANNEL}/p{T + 1}000100?thread_ts={parent}&cid={CHANNEL}"
    )
    bot = facts[f"slack:{CHANNEL}/{T + 5}.000100"]
    assert (bot.text, bot.author, bot.machine) == ("v2 is out", "deploys", True)


async def test_pages_are_followed_by_cursor_at_the_configured_size(
    simulator: SlackSimulator, http: httpx2.AsyncClient
) -> None:
    simulator.messages[CHANNEL] = [message(f"{T + n}.000000", f"line {n}") for n in range(40)]
    facts = await gathered(simulator.client(http, page=15), CHANNEL)
    assert len(facts) == 40
    asked = [given for method, given in simulator.requests if method == "conversations.history"]
    assert [one["limit"] for one in asked] == ["15"] * 3
    assert [one.get("cursor") for one in asked] == [None, "15", "30"]


async def test_a_wait_that_slack_asks_for_is_waited_for(simulator: SlackSimulator, slack: SlackClient) -> None:
    simulator.messages[CHANNEL] = [message(f"{T}.000000", "here")]
    simulator.faults.plan(Fault.RATE_LIMITED, "conversations.history")
    assert [fact.text for fact in await gathered(slack, CHANNEL)] == ["here"]
    assert simulator.slept == [7]


async def test_what_is_deleted_is_not_told_and_what_is_edited_is_told_as_it_reads_now(
    simulator: SlackSimulator, slack: SlackClient
) -> None:
    parent = f"{T}.000000"
    simulator.messages[CHANNEL] = [
        message(parent, "This message was deleted.", subtype="tombstone", hidden=True, reply_count=1),
        message(f"{T + 3}.000000", "checkout is down", edited={"user": "U061F7AUR", "ts": f"{T + 9}.000000"}),
    ]
    simulator.replies[parent] = [message(f"{T + 1}.000000", "seen", thread_ts=parent)]
    assert [fact.text for fact in await gathered(slack, CHANNEL)] == ["checkout is down", "seen"]


async def test_more_messages_than_may_be_read_leave_a_marked_gap(simulator: SlackSimulator, slack: SlackClient) -> None:
    simulator.messages[CHANNEL] = [message(f"{T + n}.000000", f"line {n}") for n in range(30)]
    facts = await gathered(slack, CHANNEL, most=10)
    assert len(facts) == 11
    assert facts[-1].id == f"slack:{CHANNEL}/bounded"
    assert "Only 10 messages" in facts[-1].text


async def test_an_empty_channel_gives_nothing(slack: SlackClient) -> None:
    assert await gathered(slack, CHANNEL) == ()


@pytest.mark.parametrize(
    ("refusal", "error", "words"),
    [
        ({"error": "channel_not_found"}, NotThere, "no the channel"),
        ({"error": "not_in_channel"}, ProviderRefused, "not a member"),
        ({"error": "is_archived"}, ProviderRefused, "archived"),
        (
            {"error": "missing_scope", "needed": "channels:history", "provided": "chat:write"},
            ProviderRefused,
            "channels:history",
        ),
        ({"error": "invalid_auth"}, ProviderRefused, "NOREPEAT_SLACK_TOKEN"),
        ({"error": "internal_error"}, ProviderUnavailable, "internal_error"),
        ({"error": "something_new"}, ProviderRefused, "something_new"),
    ],
)  # fmt: skip
async def test_each_refusal_says_what_to_do(
    simulator: SlackSimulator, slack: SlackClient, refusal: dict[str, str], error: type[Exception], words: str
) -> None:
    simulator.errors["conversations.history"] = refusal
    with pytest.raises(error, match=words.replace("no the channel", "the channel")):
        await gathered(slack, CHANNEL)


async def test_a_channel_that_is_not_there_and_services_without_one_are_named(slack: SlackClient) -> None:
    with pytest.raises(NotThere, match="#nowhere"):
        await gathered(slack, "#nowhere")

    async def none(_services: Sequence[Service]) -> Sequence[str]:
        return ()

    with pytest.raises(ProviderRefused, match="chat_channel"):
        await SlackTimeline(slack, none).gather(WINDOW, [])


async def test_the_official_examples_are_read_as_they_are(simulator: SlackSimulator, slack: SlackClient) -> None:
    simulator.messages[CHANNEL] = example("conversations.history")["messages"]
    window = Window(datetime(2017, 11, 30, tzinfo=UTC), datetime(2017, 12, 2, tzinfo=UTC))
    texts = {fact.text for fact in await gathered(slack, CHANNEL, window=window)}
    assert texts == {one["text"] for one in simulator.messages[CHANNEL]}


@pytest.mark.parametrize(
    ("written", "read"),
    [
        ("<@U1> see <https://a.example/x?a=1&amp;b=2|the graph>", "@ada see the graph (https://a.example/x?a=1&b=2)"),
        ("<#C1|payments> a &lt;b&gt; &amp;amp;", "#payments a <b> &amp;"),
        ("<!here> <!subteam^S1|@oncall> <!date^1^{date}|Feb 18>", "@here @oncall Feb 18"),
        (
            "<@U9> <https://a.example> <mailto:a@b.example|a@b.example>",
            "@U9 https://a.example a@b.example (mailto:a@b.example)",
        ),
        ("&lt;@U1&gt;", "<@U1>"),
    ],
)  # fmt: skip
def test_markup_is_read_as_a_person_reads_it(written: str, read: str) -> None:
    assert plain(written, {"U1": "ada"}) == read


# ── Telling ──────────────────────────────────────────────────────────────────────────────────────────────────────


def board(slack: SlackClient) -> SlackBoard:
    return SlackBoard(SlackMessages(slack), {"engineering": "#general"})


TOLD = replace(notice(), place="engineering")


async def test_a_notice_is_found_by_its_marker_after_it_was_written(
    simulator: SlackSimulator, slack: SlackClient
) -> None:
    told = replace(TOLD, title="<!channel> & more")
    assert await board(slack).find(told) is None
    name = await board(slack).post(told)
    assert await board(slack).find(told) == name
    assert await board(slack).find(replace(told, marker=new_id())) is None
    (written,) = simulator.messages[CHANNEL]
    assert written["metadata"]["event_payload"] == {"marker": f"norepeat:{told.marker}"}
    assert "<!channel>" not in written["text"]
    assert any(told.url in str(block) for block in written["blocks"])


async def test_a_notice_that_was_written_without_an_answer_is_found(
    simulator: SlackSimulator, slack: SlackClient
) -> None:
    simulator.faults.plan(Fault.APPLIED_TIMEOUT, "chat.postMessage")
    with pytest.raises(ProviderOutcomeUnknown):
        await board(slack).post(TOLD)
    assert (await board(slack).find(TOLD) or "").startswith("message ")
    assert len(simulator.messages[CHANNEL]) == 1


async def test_an_audience_without_a_channel_says_which_setting_is_missing(slack: SlackClient) -> None:
    with pytest.raises(ProviderNotConfigured, match="NOREPEAT_SLACK_ORGANISATION_CHANNEL"):
        await board(slack).post(replace(TOLD, place="organisation"))


async def test_a_digest_is_posted_with_what_was_achieved_first(simulator: SlackSimulator, slack: SlackClient) -> None:
    lines = tuple(Line(new_id(), f"Fix <{n}> " + "x" * 190, "Ada", "promised by 2026-06-01") for n in range(40))
    groups = (
        Group(GroupName.PREVENTED, (Line(new_id(), "Add a breaker", None, "It opened twice."),), 1),
        Group(GroupName.CLOSED, (), 0),
        Group(GroupName.OVERDUE, lines, 55),
    )
    room, marker = SlackRoom(SlackMessages(slack)), new_id()
    for kind in PostKind:
        digest = Digest(kind, "Payments", date(2026, 6, 8), date(2026, 6, 15), groups)
        await room.post("general", marker, digest, "https://norepeat.example")
    assert await room.find("general", marker, NOW) is not None
    texts = [str(block.get("text")) for block in simulator.messages[CHANNEL][0]["blocks"]]
    assert "prevented" in texts[1]
    assert "more" in texts[2]
    assert all(len(text) < 3100 for text in texts)
    assert "Fix &lt;0&gt;" in texts[2]


# ── Being told ───────────────────────────────────────────────────────────────────────────────────────────────────

STAMP = str(T)


def signed(body: bytes, secret: str = "s3cret", stamp: str = STAMP) -> dict[str, str]:
    return {"x-slack-signature": sign(body, secret, stamp), "x-slack-request-timestamp": stamp}


def test_a_challenge_is_answered_and_any_other_event_accepted() -> None:
    body = b'{"type": "url_verification", "challenge": "3eZbrw1a"}'
    assert SlackEvents().answer(signed(body), body, ["old", "s3cret"], NOW) == "3eZbrw1a"
    for other in (b'{"type": "event_callback"}', b'{"type": 7}'):
        assert SlackEvents().answer(signed(other), other, ["s3cret"], NOW) is None
    form = b"payload=%7B%7D"
    headers = {**signed(form), "content-type": "application/x-www-form-urlencoded"}
    assert SlackEvents().answer(headers, form, ["s3cret"], NOW) is None


@pytest.mark.parametrize(
    ("headers", "secrets"),
    [
        (signed(b"{}", "other"), ["s3cret"]),
        (signed(b"{}", ""), [""]),
        ({}, ["s3cret"]),
        (signed(b"[]"), ["s3cret"]),
        (signed(b"{}", stamp=str(T - 301)), ["s3cret"]),
        (signed(b"{}", stamp=str(T + 301)), ["s3cret"]),
        (signed(b"{}", stamp="now"), ["s3cret"]),
    ],
)
def test_what_is_not_signed_just_now_is_refused(headers: dict[str, str], secrets: list[str]) -> None:
    with pytest.raises(Unauthenticated):
        SlackEvents().answer(headers, b"{}", secrets, NOW)


def test_the_signature_is_the_one_that_slack_documents() -> None:
    """Its own example of verifying requests."""
    body = (
        b"token=xyzz0WbapA4vBCDEFasx0q6G&team_id=T1DC2JH3J&team_domain=testteamnow&channel_id=G8PSS9T3V&channel_name="
        b"foobar&user_id=U2CERLKJA&user_name=roadrunner&command=%2Fwebhook-collect&text=&response_url=https%3A%2F%2F"
        b"hooks.slack.com%2Fcommands%2FT1DC2JH3J%2F397700885554%2F96rGlfmibIGlgcZRskXaIFfN&trigger_id=398738663015.4"
        b"7445629121.803a0bc887a14d10d2c447fce8b6703c"
    )
    assert sign(body, "8f742231b10e8888abcd99yyyzzz85a5", "1531420618") == (
        "v0=a2114d57b48eac39b9ad189dd8316235a7b4a8d21a10bd27519666489c69b503"
    )


# ── Doctor ───────────────────────────────────────────────────────────────────────────────────────────────────────


async def test_doctor_names_missing_scopes_and_channels_without_the_bot(
    simulator: SlackSimulator, slack: SlackClient
) -> None:
    simulator.channels = [{"id": CHANNEL, "name": "general"}, {"id": "C999999999", "name": "old", "is_archived": True},
                          {"id": "C888888888", "name": "away", "is_member": False}]  # fmt: skip
    found = [one async for one in check_slack(slack, channels=["#general", "old", "away"])]
    assert [one.ok for one in found] == [True, True, False, False]
    simulator.scopes = "chat:write"
    token, *_ = [one async for one in check_slack(slack, channels=[])]
    assert not token.ok
    assert "channels:history" in token.said
