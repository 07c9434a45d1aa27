"""API keys as text: `nr_<id>_<secret>`, made from the system's randomness and kept as SHA-256."""

import hashlib
import hmac
import re
import secrets
import string

_ID_LETTERS = "abcdefghijklmnopqrstuvwxyz234567"
_ID_LENGTH = 12
_SECRET_LETTERS = string.ascii_letters + string.digits
_SECRET_LENGTH = 43
"""256 bits in base 62, so that a plain SHA-256 is enough to keep it."""

_TOKEN = re.compile(r"nr_([A-Za-z0-9]{1,32})_([A-Za-z0-9]{32,256})", re.ASCII)


def new_key() -> tuple[str, str]:
    """A fresh id and secret."""
    return _random(_ID_LETTERS, _ID_LENGTH), _random(_SECRET_LETTERS, _SECRET_LENGTH)


def _random(letters: str, length: int) -> str:
    return "".join(secrets.choice(letters) for _ in range(length))


def token_of(id: str, secret: str) -> str:
    """What the holder keeps; it is shown once."""
    return f"nr_{id}_{secret}"


def parse_token(token: str) -> tuple[str, str] | None:
    """The id and the secret; None if it is no key of ours."""
    match = _TOKEN.fullmatch(token)
    return (match[1], match[2]) if match else None


def hash_secret(secret: str) -> bytes:
    return hashlib.sha256(secret.encode()).digest()


def is_secret(secret: str, secret_hash: bytes) -> bool:
    """Whether this is the secret, in a time that does not tell how much of it is right."""
    return hmac.compare_digest(hash_secret(secret), secret_hash)
