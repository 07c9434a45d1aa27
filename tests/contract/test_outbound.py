"""Sending out: only to addresses that are public or allowed, whatever name or form they come in."""

from collections.abc import AsyncIterator, Sequence
from ipaddress import ip_address

import pytest

from app.adapters.outbound import ANSWER_BYTES, GuardedSender
from app.domain.outbound.addresses import UrlNotAllowed, may_connect, networks, require_url
from app.domain.ports import NotSent
from tests.contract.receiver import Receiver, never, status

LOCAL = networks(["127.0.0.0/8"])
FORMS = [
    "127.0.0.1", "2130706433", "0x7f000001", "0177.0.0.1", "127.1", "[::ffff:127.0.0.1]", "[::1]", "0.0.0.0",
    "169.254.169.254", "[fd00:ec2::254]", "[fe80::1]", "100.64.0.1", "10.0.0.1", "[64:ff9b::7f00:1]",
    "[2002:7f00:1::]", "localhost", "localhost.", "LOCALHOST", "[::]", "224.0.0.1", "255.255.255.255",
]  # fmt: skip


@pytest.fixture
async def receiver() -> AsyncIterator[Receiver]:
    async with Receiver().listening() as one:
        yield one


async def refusal(sender: GuardedSender, url: str, timeout: float = 5) -> str:
    async with sender:
        with pytest.raises(NotSent) as caught:
            await sender.post(url, {}, b"{}", timeout=timeout)
    return str(caught.value)


@pytest.mark.parametrize("host", FORMS)
async def test_no_form_of_an_inner_address_is_connected_to(receiver: Receiver, host: str) -> None:
    said = await refusal(GuardedSender(), f"http://{host}:{receiver.port}/")
    assert "not public" in said or "cannot be resolved" in said or "cannot be used" in said
    assert receiver.connections == 0


async def test_an_allowed_network_is_connected_to(receiver: Receiver) -> None:
    async with GuardedSender(LOCAL) as sender:
        answered = await sender.post(receiver.url, {"webhook-id": "1"}, b"{}", timeout=5)
    assert answered.accepted
    assert receiver.got[0].headers["webhook-id"] == "1"


async def test_a_name_that_leads_to_one_inner_address_among_others_is_refused(receiver: Receiver) -> None:
    async def both(host: str, port: int) -> Sequence[str]:
        return ["93.184.216.34", "127.0.0.1"]

    assert "not public" in await refusal(GuardedSender(resolver=both), f"http://a.example:{receiver.port}/")
    assert receiver.connections == 0


async def test_a_name_server_that_changes_its_mind_gains_nothing(receiver: Receiver) -> None:
    """The check and the connection use one look-up; each new connection is looked at anew."""
    receiver.answer = status(200)  # and closes
    answers = iter([["127.0.0.1"], ["10.0.0.1"]])
    asked: list[str] = []

    async def rebinding(host: str, port: int) -> Sequence[str]:
        asked.append(host)
        return next(answers)

    url = f"http://a.example:{receiver.port}/"
    async with GuardedSender(LOCAL, resolver=rebinding) as sender:
        assert (await sender.post(url, {}, b"{}", timeout=5)).accepted
        assert asked == ["a.example"], "connected to the address that was checked, without asking again"
        assert receiver.got[0].headers["host"] == f"a.example:{receiver.port}"
        with pytest.raises(NotSent, match="not public"):
            await sender.post(url, {}, b"{}", timeout=5)
    assert receiver.connections == 1


async def test_a_redirect_is_an_answer_and_not_followed(receiver: Receiver) -> None:
    receiver.answer = status(302, "", f"location: http://127.0.0.1:{receiver.port}/elsewhere")
    async with GuardedSender(LOCAL) as sender:
        answered = await sender.post(receiver.url, {}, b"{}", timeout=5)
    assert (answered.status, answered.accepted, len(receiver.got)) == (302, False, 1)


async def test_of_a_long_answer_only_the_beginning_is_read(receiver: Receiver) -> None:
    receiver.answer = status(500, "x" * 1_000_000)
    async with GuardedSender(LOCAL) as sender:
        answered = await sender.post(receiver.url, {}, b"{}", timeout=5)
    assert answered.text == "x" * ANSWER_BYTES


async def test_who_does_not_answer_is_given_up(receiver: Receiver) -> None:
    receiver.answer = never
    assert "no answer within" in await refusal(GuardedSender(LOCAL), receiver.url, timeout=0.2)


@pytest.mark.parametrize(("given", "expected"), [("120", 120.0), ("nonsense", None)])
async def test_a_receiver_can_ask_us_to_wait(receiver: Receiver, given: str, expected: float | None) -> None:
    receiver.answer = status(503, "", f"retry-after: {given}")
    async with GuardedSender(LOCAL) as sender:
        assert (await sender.post(receiver.url, {}, b"{}", timeout=5)).retry_after == expected


@pytest.mark.parametrize(
    ("url", "words"),
    [
        ("http://example.com/", "Use https"),
        ("ftp://example.com/", "Use https"),
        ("https://user:pass@example.com/", "Leave out the user"),
        ("https://user@example.com/", "Leave out the user"),
        ("https://localhost/", "not a public address"),
        ("https://metadata.google.internal./", "not a public address"),
        ("https://127.0.0.1/", "not a public address"),
        ("https://[::1]/", "not a public address"),
        ("https://example.com/#part", "has no fragment"),
        ("https:///path", "names a host"),
        ("https://[::1/", "not a URL"),
        ("https://example.com:99999/", "not a URL"),
    ],
)
def test_an_address_that_is_never_sent_to_is_refused_at_once(url: str, words: str) -> None:
    with pytest.raises(UrlNotAllowed, match=words):
        require_url(url, allow_http=False)


@pytest.mark.parametrize("url", ["https://example.com/a?b=c", "https://93.184.216.34/", "https://ünï.example/"])
def test_a_public_address_is_taken(url: str) -> None:
    assert require_url(url, allow_http=False) == url


def test_settings_can_allow_http_and_inner_networks() -> None:
    allowed = networks(["10.0.0.0/8", "fd00::/8"])
    assert require_url("http://10.1.2.3/", allow_http=True, allowed=allowed)
    assert require_url("https://hooks.internal/", allow_http=False, allowed=allowed)
    with pytest.raises(UrlNotAllowed, match="not a public address"):
        require_url("https://192.168.0.1/", allow_http=False, allowed=allowed)


@pytest.mark.parametrize(
    ("address", "public"),
    [
        ("93.184.216.34", True), ("2606:2800:220:1::1", True), ("::ffff:93.184.216.34", True),
        ("64:ff9b::5db8:d822", True), ("2001:0:4136:e378:8000:63bf:3fff:fdd2", False), ("2002:7f00:1::", False),
        ("64:ff9b::7f00:1", False), ("::ffff:10.0.0.1", False),
    ],
)  # fmt: skip
def test_an_address_is_as_public_as_what_it_wraps(address: str, public: bool) -> None:
    assert may_connect(ip_address(address)) is public
