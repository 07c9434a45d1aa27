"""The catalogue of systemic fixes: what is proposed for each factor until a person words it anew."""

from collections.abc import Mapping

CHANGE = "change"
"""The deployment pattern's key."""

FIXES: Mapping[str, str] = {
    CHANGE: "Roll out in steps with an automatic halt: a canary becomes the default for every service"
    " with more than ${revenue:,.0f} of revenue an hour.",
    "missing-alerting": "A service goes live only with alerts on its user-facing symptoms, derived from its SLOs and"
    " compared between environments by a check in the pipeline.",
    "timeout-misconfiguration": "Ship client libraries and service templates with time-outs and a retry budget already"
    " set, and refuse calls without a deadline in review.",
    "bad-release": "Gate releases on health signals: promote automatically when they hold, roll back when they do not.",
    "config-change": "Treat configuration as code: schema check, review, staged rollout, one-step rollback.",
    "latent-bug": "Exercise rare paths on purpose: inject faults, and test the code that handles errors by property.",
    "capacity": "Alert on the time left until a limit is reached, load-test to twice the peak, list every quota.",
    "dependency-failure": "Require a written fallback for each critical dependency, and rehearse its loss.",
    "cert-credential-expiry": "Renew certificates and secrets by machine; one inventory alerts 30 days ahead.",
    "dns": "Change DNS through reviewed code only, with short lifetimes before a change and probes from outside.",
    "network": "Test the loss of a link or zone regularly; measure reachability from where the users are.",
    "hardware-power": "Spread each service over failure domains, and drain one of them on a schedule.",
    "database": "Run every migration against a copy of production's size first, with lock and statement time-outs.",
    "procedure-gap": "Turn the manual step into a script with a dry run; what stays manual gets a checklist.",
    "cascading-failure": "Give shared clients load shedding, jittered back-off and circuit breakers by default.",
    "testing-gap": "Make staging carry production's configuration and a replay of its traffic before promotion.",
    "security": "Least privilege by default, dependency updates by machine, and a rehearsed response.",
    "data-loss-backup": "Restore a backup by machine every week and compare it; protect destructive operations.",
    "time-clock": "Keep UTC and monotonic clocks in shared libraries, and test the boundary dates in the pipeline.",
    "automation-gone-wrong": "Bound what automation may do at once, and alert when it acts too much or not at all.",
    "single-point-of-failure": "List components without a second one, and rank them by the revenue behind them.",
    "access-permission": "Grant permissions from reviewed code, and rehearse the emergency access of responders.",
}
FOR_WORDING = "Look at what these incidents have in common, and name the factor behind it."


def systemic_fix(key: str, high_revenue_usd: float) -> str:
    """What is proposed for a pattern; wording that no factor explains yet gets a question instead."""
    return FIXES.get(key, FOR_WORDING).replace("{revenue:,.0f}", f"{high_revenue_usd:,.0f}")
