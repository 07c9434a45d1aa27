"""What Slack sends us: whose signature it carries, how old it is, and the challenge that proves the address ours."""

import hashlib
import hmac
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta

from app.adapters.trackers.signed import content, header
from app.domain.errors import Unauthenticated

VERSION = "v0"
OLDEST = timedelta(minutes=5)
LONGEST_CHALLENGE = 1000


class SlackEvents:
    """The port `ChatEvents`. No event makes us do anything, so every one is accepted and forgotten."""

    def answer(self, headers: Mapping[str, str], body: bytes, secrets: Sequence[str], now: datetime) -> str | None:
        """The challenge that is to be sent back, if this is one. Raises Unauthenticated."""
        _require_signature(headers, body, secrets, now)
        if header(headers, "content-type").startswith("application/x-www-form-urlencoded"):
            return None
        said = content(body)
        if said.get("type") != "url_verification":
            return None
        return str(said.get("challenge") or "")[:LONGEST_CHALLENGE]


def _require_signature(headers: Mapping[str, str], body: bytes, secrets: Sequence[str], now: datetime) -> None:
    given, stamp = header(headers, "x-slack-signature"), header(headers, "x-slack-request-timestamp")
    signature = given.encode("utf-8", "replace")
    expected = [sign(body, secret, stamp).encode() for secret in secrets if secret]
    # Every secret is compared, so that the time taken does not tell which one is nearer.
    if not any([hmac.compare_digest(signature, one) for one in expected]):  # noqa: C419
        raise Unauthenticated("The signature does not match.")
    if not (stamp.isascii() and stamp.isdigit()) or abs(now.timestamp() - int(stamp)) > OLDEST.total_seconds():
        raise Unauthenticated("The request is more than five minutes old, or from the future.")


def sign(body: bytes, secret: str, stamp: str) -> str:
    """A value of X-Slack-Signature."""
    signed = f"{VERSION}:{stamp}:".encode("utf-8", "replace") + body
    return f"{VERSION}={hmac.new(secret.encode(), signed, hashlib.sha256).hexdigest()}"
