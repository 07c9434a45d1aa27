"""What GitHub sends us: whose signature it carries, and what it says about an issue."""

import hashlib
import hmac
import json
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from app.adapters.trackers.github_text import to_remote
from app.domain.errors import Invalid, Unauthenticated
from app.domain.organisation.model import Provider
from app.domain.tracking.model import TicketEvent, TicketEventKind, TrackerOutcomeUnknown

CHANGES = frozenset({"opened", "edited", "closed", "reopened", "assigned", "unassigned"})
KINDS = {"deleted": TicketEventKind.DELETED, "transferred": TicketEventKind.MOVED}
LONGEST_ID = 200


class GitHubWebhooks:
    """The port `Webhooks`; `login` is the account behind our token, whose changes are our own echoes."""

    def __init__(self, login: str | None = None) -> None:
        self._login = (login or "").casefold()

    def delivery(self, headers: Mapping[str, str], body: bytes, secrets: Sequence[str], now: datetime) -> str:  # noqa: ARG002
        """The delivery's id, if one of the live secrets signed these very bytes."""
        given = _header(headers, "x-hub-signature-256").encode("utf-8", "replace")
        expected = [sign(body, secret).encode() for secret in secrets if secret]
        # Every secret is compared, so that the time taken does not tell which one is nearer.
        if not any([hmac.compare_digest(given, signature) for signature in expected]):  # noqa: C419
            raise Unauthenticated("The signature does not match.")
        id = _header(headers, "x-github-delivery")
        if not id or len(id) > LONGEST_ID or not id.isprintable():
            raise Invalid("X-GitHub-Delivery is missing or not an id.")
        return id

    def read(self, headers: Mapping[str, str], body: bytes) -> TicketEvent | None:
        """An issue's event in our words; None for all the others."""
        if _header(headers, "x-github-event") != "issues":
            return None
        content = _content(body)
        action = content.get("action")
        if action not in CHANGES and action not in KINDS:
            return None
        try:
            return self._event(KINDS.get(str(action), TicketEventKind.CHANGED), content)
        except (KeyError, TypeError, AttributeError, TrackerOutcomeUnknown) as error:
            raise Invalid(f"This is not an issues event as GitHub documents it: {error!r}") from error

    def _event(self, kind: TicketEventKind, content: Mapping[str, Any]) -> TicketEvent:
        issue = content["issue"]
        moved = kind is TicketEventKind.MOVED
        remote = to_remote(content["changes"]["new_issue"] if moved else issue)
        actor = str((content.get("sender") or {}).get("login") or "")
        return TicketEvent(
            kind=kind,
            provider=Provider.GITHUB,
            external_id=str(issue["id"]),
            remote=remote,
            actor=actor,
            ours=bool(actor) and actor.casefold() == self._login,
            at=remote.updated_at,
        )


def sign(body: bytes, secret: str) -> str:
    """The value of X-Hub-Signature-256."""
    return "sha256=" + hmac.new(secret.encode(), body, hashlib.sha256).hexdigest()


def _header(headers: Mapping[str, str], name: str) -> str:
    return next((value for given, value in headers.items() if given.lower() == name), "")


def _content(body: bytes) -> Mapping[str, Any]:
    try:
        content = json.loads(body)
    except (ValueError, RecursionError) as error:
        raise Invalid("The body is not JSON; set the webhook's content type to application/json.") from error
    if not isinstance(content, dict):
        raise Invalid("The body is not a JSON object.")
    return content
