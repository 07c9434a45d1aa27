"""What Alertmanager sends us (webhook version 4): whose credential it carries, and what it says of error budgets."""

import base64
import hmac
import json
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any
from uuid import uuid4

from app.adapters.monitoring.durations import duration
from app.domain.budgets.alerts import Alert
from app.domain.budgets.model import Signal
from app.domain.errors import Invalid, Unauthenticated

SLOTH = {"page": Signal.FAST_BURN, "ticket": Signal.SLOW_BURN}
PYRRA_FAST, PYRRA_FAST_LONG = 32, timedelta(hours=1)
"""Pyrra's budget would be exhausted in 48 long windows at factor 14, in 16 at factor 7, whatever the SLO's period."""
LONGEST = 500


class AlertmanagerWebhooks:
    """The port `AlertWebhooks`."""

    def delivery(self, headers: Mapping[str, str], body: bytes, secrets: Sequence[str], now: datetime) -> str:  # noqa: ARG002
        """A new id for every authentic post: Alertmanager has none, and a repeated alert is a renewal."""
        given = next((value for name, value in headers.items() if name.lower() == "authorization"), "").encode()
        # Every secret is compared, so that the time taken does not tell which one is nearer.
        if not any([hmac.compare_digest(given, expected) for secret in secrets for expected in _credentials(secret)]):  # noqa: C419
            raise Unauthenticated("The credential is not one of ours.")
        return str(uuid4())

    def alerts(self, body: bytes) -> tuple[Alert, ...]:
        """The alerts of a group about error budgets, one by one: a group mixes firing and resolved ones."""
        try:
            content = json.loads(body)
            alerts = [_alert(alert) for alert in content["alerts"]]
        except (ValueError, RecursionError, KeyError, TypeError, AttributeError) as error:
            raise Invalid(f"This is not a webhook as Alertmanager documents it: {error!r}") from error
        return tuple(alert for alert in alerts if alert is not None)


def _credentials(secret: str) -> tuple[bytes, ...]:
    """A token is a bearer token; with a colon it is the user and password of basic auth too."""
    bearer = f"Bearer {secret}".encode()
    basic = b"Basic " + base64.b64encode(secret.encode())
    return (bearer, basic) if ":" in secret else (bearer,)


def _alert(alert: Mapping[str, Any]) -> Alert | None:
    labels = {str(name): _storable(value) for name, value in alert["labels"].items()}
    named = _sloth(labels) or _pyrra(labels)
    if named is None:
        return None
    service, slo, signal = named
    annotations = alert.get("annotations") or {}
    reason = str(annotations.get("summary") or annotations.get("title") or labels.get("alertname", ""))
    firing = alert["status"] == "firing"
    return Alert(service, slo, signal, firing, _storable(reason))


def _storable(value: object) -> str:
    """PostgreSQL's text holds neither NUL nor half a surrogate pair."""
    return str(value)[:LONGEST].replace("\x00", "").encode("utf-8", "replace").decode()


def _sloth(labels: Mapping[str, str]) -> tuple[str | None, str, Signal] | None:
    signal, slo = SLOTH.get(labels.get("sloth_severity", "")), labels.get("sloth_slo") or labels.get("sloth_id")
    return (labels.get("sloth_service") or None, slo, signal) if signal and slo else None


def _pyrra(labels: Mapping[str, str]) -> tuple[str | None, str, Signal] | None:
    if not labels.get("slo") or not {"short", "long"} <= labels.keys():
        return None
    return labels.get("service") or None, labels["slo"], _pyrra_signal(labels)


def _pyrra_signal(labels: Mapping[str, str]) -> Signal:
    """Critical alerts have factor 14 or 7, warnings 2 or 1; the windows tell 14 from 7."""
    if labels.get("severity") != "critical":
        return Signal.SLOW_BURN
    long, exhaustion = duration(labels["long"]), duration(labels.get("exhaustion", ""))
    if long is None:
        return Signal.BURN
    if exhaustion is None:
        return Signal.FAST_BURN if long <= PYRRA_FAST_LONG else Signal.BURN
    return Signal.FAST_BURN if exhaustion / long >= PYRRA_FAST else Signal.BURN
