"""What the signed webhooks of all trackers have in common: an HMAC over the raw bytes, an id, a JSON object."""

import hashlib
import hmac
import json
from collections.abc import Mapping, Sequence
from typing import Any

from app.domain.errors import Invalid, Unauthenticated

LONGEST_ID = 200


def digest(body: bytes, secret: str) -> str:
    """The hexadecimal HMAC-SHA256."""
    return hmac.new(secret.encode(), body, hashlib.sha256).hexdigest()


def require_signature(given: str, body: bytes, secrets: Sequence[str], *, prefix: str = "") -> None:
    """Raise Unauthenticated unless one of the live secrets signed these very bytes; an empty one signs nothing."""
    expected = [(prefix + digest(body, secret)).encode() for secret in secrets if secret]
    signature = given.encode("utf-8", "replace")
    # Every secret is compared, so that the time taken does not tell which one is nearer.
    if not any([hmac.compare_digest(signature, one) for one in expected]):  # noqa: C419
        raise Unauthenticated("The signature does not match.")


def delivery_id(headers: Mapping[str, str], name: str) -> str:
    """The id of a delivery, which makes it count once."""
    id = header(headers, name)
    if not id or len(id) > LONGEST_ID or not (id.isascii() and id.isprintable()):
        raise Invalid(f"{name} is missing or not an id.")
    return id


def header(headers: Mapping[str, str], name: str) -> str:
    """The value by whichever spelling of the name; servers pass names on in lower case, so that is tried first."""
    value = headers.get(name.lower())
    return (
        value
        if value is not None
        else next((value for given, value in headers.items() if given.lower() == name.lower()), "")
    )


def content(body: bytes) -> Mapping[str, Any]:
    """The object that a body holds."""
    try:
        found = json.loads(body)
    except (ValueError, RecursionError) as error:
        raise Invalid("The body is not JSON; set the webhook's content type to application/json.") from error
    if not isinstance(found, dict):
        raise Invalid("The body is not a JSON object.")
    return found
