"""What Linear sends us: whose signature it carries, and what it says about an issue."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from app.adapters.trackers.linear_issue import is_gone, to_remote
from app.adapters.trackers.signed import content, delivery_id, digest, header, require_signature
from app.domain.errors import Invalid
from app.domain.organisation.model import Provider
from app.domain.tracking.errors import TrackerOutcomeUnknown
from app.domain.tracking.model import TicketEvent, TicketEventKind

ACTIONS = ("create", "update", "remove")


class LinearWebhooks:
    """The port `Webhooks`; `user` is the id or e-mail address behind our token, to ignore our own echoes.

    A delivery has no age limit: Linear repeats one after an hour and after six, and its id counts once.
    """

    def __init__(self, user: str | None = None) -> None:
        self._user = (user or "").casefold()

    def delivery(self, headers: Mapping[str, str], body: bytes, secrets: Sequence[str], now: datetime) -> str:  # noqa: ARG002
        """The delivery's id, if one of the live secrets signed these very bytes."""
        require_signature(header(headers, "linear-signature"), body, secrets)
        return delivery_id(headers, "Linear-Delivery")

    def read(self, headers: Mapping[str, str], body: bytes) -> TicketEvent | None:  # noqa: ARG002
        """An issue's event in our words; None for all the others."""
        said = content(body)
        if said.get("type") != "Issue" or said.get("action") not in ACTIONS:
            return None
        try:
            return self._event(said)
        except (KeyError, TypeError, AttributeError, TrackerOutcomeUnknown) as error:
            raise Invalid(f"This is not an issue's event as Linear documents it: {error!r}") from error

    def _event(self, said: Mapping[str, Any]) -> TicketEvent:
        issue = said["data"]
        gone = said["action"] == "remove" or is_gone(issue)
        remote = None if gone else to_remote({**issue, "url": issue.get("url") or said["url"]})
        actor = said.get("actor") or {}
        names = [str(actor[name]) for name in ("id", "email") if actor.get(name)]
        return TicketEvent(
            kind=TicketEventKind.DELETED if gone else TicketEventKind.CHANGED,
            provider=Provider.LINEAR,
            external_id=str(issue["id"]),
            remote=remote,
            actor=names[0] if names else "",
            ours=bool(self._user) and self._user in map(str.casefold, names),
            at=remote.updated_at if remote else None,
        )


def sign(body: bytes, secret: str) -> str:
    """The value of Linear-Signature."""
    return digest(body, secret)
