"""Production does not start with unsafe settings, and says which they are without saying the secrets."""

from typing import Any

import pytest
import typer

from app.cli.production import refuse_unsafe, unsafe
from app.settings import Settings

SAFE: dict[str, Any] = {
    "environment": "production", "public_url": "https://norepeat.example.org", "docs": False,
    "database_url": "postgresql://db/norepeat", "encryption_keys": ["k" * 44],
}  # fmt: skip
GUESSED = "nr_first_" + "a" * 43
UNSAFE: dict[str, tuple[dict[str, Any], str]] = {
    "no encryption keys": ({"encryption_keys": []}, "NOREPEAT_ENCRYPTION_KEYS"),
    "a guessed admin key": ({"admin_key": GUESSED}, "NOREPEAT_ADMIN_KEY"),
    "a short admin key": ({"admin_key": "changeme"}, "NOREPEAT_ADMIN_KEY"),
    "a short webhook secret": ({"github_webhook_secrets": ["hunter2"]}, "NOREPEAT_GITHUB_WEBHOOK_SECRETS"),
    "one short secret of two": ({"jira_webhook_secrets": ["x" * 32, "hunter2"]}, "NOREPEAT_JIRA_WEBHOOK_SECRETS"),
    "a short token": ({"alertmanager_tokens": ["hunter2"]}, "NOREPEAT_ALERTMANAGER_TOKENS"),
    "a short metrics token": ({"metrics_token": "hunter2"}, "NOREPEAT_METRICS_TOKEN"),
    "no public address": ({"public_url": None}, "NOREPEAT_PUBLIC_URL"),
    "plain http": ({"public_url": "http://norepeat.example.org"}, "NOREPEAT_PUBLIC_URL"),
    "the embedded database": ({"database_url": None}, "NOREPEAT_EMBEDDED_IN_PRODUCTION"),
    "events over http": ({"outbound_allow_http": True}, "NOREPEAT_OUTBOUND_ALLOW_HTTP"),
    "every network": ({"outbound_allowed_networks": ["0.0.0.0/0"]}, "NOREPEAT_OUTBOUND_ALLOWED_NETWORKS"),
    "an issuer over http": (
        {"oidc_issuer": "http://login.example.org", "oidc_audience": "x"}, "NOREPEAT_OIDC_ISSUER",
    ),
    "docs": ({"docs": True}, "NOREPEAT_DOCS"),
    "every origin": ({"cors_origins": ["*"]}, "NOREPEAT_CORS_ORIGINS"),
    "every proxy": ({"forwarded_allow_ips": "10.0.0.1, *"}, "NOREPEAT_FORWARDED_ALLOW_IPS"),
    "no limit": ({"rate_limit_failures": 0}, "NOREPEAT_RATE_LIMIT_ADDRESS"),
}  # fmt: skip


def settings(**changes: Any) -> Settings:
    return Settings(_env_file=None, **(SAFE | changes))


@pytest.mark.parametrize("name", UNSAFE)
def test_an_unsafe_setting_keeps_production_from_starting(name: str, capsys: pytest.CaptureFixture[str]) -> None:
    changes, variable = UNSAFE[name]
    given = settings(**changes)
    (sentence,) = unsafe(given)
    assert variable in sentence
    with pytest.raises(typer.Exit):
        refuse_unsafe(given)
    said = capsys.readouterr().err
    assert variable in said
    assert not any(secret in said for secret in ("hunter2", GUESSED, "changeme"))


def test_development_may_start_with_all_of_it() -> None:
    refuse_unsafe(Settings(_env_file=None))
    assert len(tuple(unsafe(Settings(_env_file=None)))) == 4


def test_what_is_safe_starts() -> None:
    refuse_unsafe(settings())
    refuse_unsafe(settings(database_url=None, embedded_in_production=True))
    refuse_unsafe(settings(admin_key="nr_first_k3J9xQ2mW7bT5vN8cR4hL6pD1sF0gZyA", metrics_token="x" * 16))
    refuse_unsafe(settings(oidc_issuer="https://login.example.org", oidc_audience="norepeat"))
