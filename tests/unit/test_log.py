"""What a log never holds, however it gets there."""

from typing import Any

import pytest

from app.adapters.log import without_secrets

KEY = "nr_tests_" + "a1B2" * 11
TOKEN = "eyJhbGciOiJSUzI1NiJ9.eyJzdWIiOiIxIn0.c2lnbmF0dXJl"
LINES: dict[str, dict[str, Any]] = {
    "a key in the text": {"event": f"refused {KEY}"},
    "a token in the text": {"event": f"refused {TOKEN}"},
    "an unsigned token": {"event": "refused eyJhbGciOiJub25lIn0.eyJzdWIiOiIxIn0."},
    "a header": {"authorization": "Basic c2VjcmV0LXNlY3JldA=="},
    "a header in the text": {"error": "sent Authorization: Bearer c2VjcmV0LXNlY3JldA=="},
    "headers": {"headers": {"Authorization": "Bearer c2VjcmV0LXNlY3JldA==", "x": "kept"}},
    "pairs": {"headers": [("x", f"Bearer {TOKEN}")]},
    "raw headers": {"headers": [(b"authorization", b"Bearer c2VjcmV0LXNlY3JldA==")]},
    "an exception": {"error": ValueError(f"no: {KEY}")},
    "a traceback": {"exception": f"Traceback\n  raise X('{KEY}')\nX: {TOKEN}"},
    "a database's address": {"dsn": "postgresql://norepeat:c2VjcmV0LXNlY3JldA@db/norepeat"},
    "a webhook's secret": {"event": "whsec_c2VjcmV0LXNlY3JldA=="},
    "a field by its name": {"client_secret": "c2VjcmV0LXNlY3JldA=="},
    "a field by its name, deep": {"body": {"a": [{"password": "c2VjcmV0LXNlY3JldA=="}]}},
    "a list of secrets": {"webhook_secrets": ["c2VjcmV0LXNlY3JldA=="]},
    "a cookie": {"cookie": "norepeat_pages=c2VjcmV0LXNlY3JldA=="},
}


@pytest.mark.parametrize("name", LINES)
def test_a_secret_never_reaches_a_log(name: str) -> None:
    said = str(without_secrets(None, "info", dict(LINES[name])))
    assert "***" in said
    for secret in (KEY, TOKEN, TOKEN.split(".")[1], "c2VjcmV0LXNlY3JldA"):
        assert secret not in said


def test_what_is_no_secret_stays() -> None:
    line = {"event": "request", "key_id": "tests", "status": 200, "ids": ["a"], "token_refused": "expired", "tokens": 7}
    assert without_secrets(None, "info", dict(line)) == line
