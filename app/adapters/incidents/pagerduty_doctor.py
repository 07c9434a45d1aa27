"""A live check of PagerDuty: the key, and the user in whose name notes are written. It writes nothing."""

from collections.abc import AsyncIterator

from app.adapters.diagnosis import Diagnosis, examined, require
from app.adapters.incidents.pagerduty_client import SETTING, PagerDutyClient

FROM = "NOREPEAT_PAGERDUTY_FROM"


async def check_pagerduty(pagerduty: PagerDutyClient, *, sender: str | None) -> AsyncIterator[Diagnosis]:
    """The key first; with a wrong one nothing else can be seen."""
    credentials = await examined("pagerduty credentials", _credentials(pagerduty))
    yield credentials
    if credentials.ok:
        yield await examined("pagerduty sender", _sender(pagerduty, sender))


async def _credentials(pagerduty: PagerDutyClient) -> str:
    await pagerduty.get("/abilities", about="the account")
    return f"{SETTING} is accepted."


async def _sender(pagerduty: PagerDutyClient, sender: str | None) -> str:
    require(sender is not None, f"Nobody writes notes: published postmortems are not linked. Set {FROM} to a user.")
    found = (await pagerduty.get("/users", about="the users", params={"query": str(sender)})).get("users") or []
    known = {str(user.get("email")).casefold() for user in found}
    require(str(sender).casefold() in known, f"PagerDuty has no user {sender}. Set {FROM} to the address of one.")
    return f"Notes are written as {sender}."
