"""Signatures as of Standard Webhooks: HMAC-SHA256 over id, timestamp and body, one for each live secret."""

import base64
import hashlib
import hmac
import secrets
from collections.abc import Mapping, Sequence
from datetime import datetime

PREFIX = "whsec_"
SECRET_BYTES = 32


def new_secret() -> str:
    """A fresh one, in the form that receivers' libraries take."""
    return PREFIX + base64.b64encode(secrets.token_bytes(SECRET_BYTES)).decode()


def sign(secret: str, id: str, at: datetime, body: bytes) -> str:
    """`v1,<base64>`."""
    key = base64.b64decode(secret.removeprefix(PREFIX))
    content = f"{id}.{int(at.timestamp())}.".encode() + body
    return "v1," + base64.b64encode(hmac.new(key, content, hashlib.sha256).digest()).decode()


def headers(live: Sequence[str], id: str, at: datetime, body: bytes) -> Mapping[str, str]:
    """What goes with the body; a receiver that knows any of the live secrets accepts it."""
    return {
        "content-type": "application/cloudevents+json; charset=utf-8",
        "user-agent": "norepeat",
        "webhook-id": id,
        "webhook-timestamp": str(int(at.timestamp())),
        "webhook-signature": " ".join(sign(secret, id, at, body) for secret in live),
    }
