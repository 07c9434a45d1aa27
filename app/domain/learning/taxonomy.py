"""The taxonomy of contributing factors: 21 codes with sub-codes, as data; the first migration seeds its table."""

from uuid import UUID

from app.domain.learning.model import Factor

UNDETERMINED_ID = UUID("00000000-0000-7000-8000-000000000001")
"""The id of the reserved root cause `undetermined`, the same in every installation."""

FACTORS = (
    Factor(
        "missing-alerting",
        "Missing alerting",
        "No alert told us in time: there was none, it was broken or too weak, or it drowned among others.",
        ("config_difference", "new_endpoint", "third_party", "other"),
    ),
    Factor(
        "timeout-misconfiguration",
        "Timeout misconfiguration",
        "A timeout, time to live, keepalive, probe threshold or deregistration delay was wrong or absent.",
        ("too_short", "not_configured"),
    ),
    Factor(
        "bad-release",
        "Bad release",
        "Rolling out code or a new software version set it off.",
    ),
    Factor(
        "config-change",
        "Configuration change",
        "A setting, flag, policy, route or piece of infrastructure code was changed wrongly or had been wrong before.",
    ),
    Factor(
        "latent-bug",
        "Latent bug",
        "A defect that had been there for a while met the conditions that make it act.",
    ),
    Factor(
        "capacity",
        "Capacity",
        "A resource, quota or limit ran out, or more load came than the system could carry.",
    ),
    Factor(
        "dependency-failure",
        "Dependency failure",
        "A third party, a cloud provider or another team's system failed or changed its behaviour.",
    ),
    Factor(
        "cert-credential-expiry",
        "Expired certificate or credential",
        "A certificate, secret, token, subscription or budget reached its end.",
    ),
    Factor(
        "dns",
        "DNS",
        "Records, zones or resolvers were wrong or did not answer.",
    ),
    Factor(
        "network",
        "Network",
        "Connectivity, routing or a backbone link failed.",
    ),
    Factor(
        "hardware-power",
        "Hardware or power",
        "A machine, its parts, its power or its cooling failed.",
    ),
    Factor(
        "database",
        "Database",
        "A data store took part: its schema, a migration, locks, replication or the store itself.",
    ),
    Factor(
        "procedure-gap",
        "Procedure gap",
        "The way of working had a hole: a missing or wrong runbook, review, hand-over or message, or room for a slip.",
    ),
    Factor(
        "cascading-failure",
        "Cascading failure",
        "Retries, a thundering herd, overload or another feedback loop carried the failure further.",
    ),
    Factor(
        "testing-gap",
        "Testing gap",
        "Tests, staging or canary were missing, passed although they should not, or were unlike production.",
    ),
    Factor(
        "security",
        "Security",
        "An attack, abuse, a vulnerability, a leak or a compromise was behind it.",
    ),
    Factor(
        "data-loss-backup",
        "Data loss or backup",
        "Data were lost, deleted or damaged, or a backup or its restoring did not work.",
    ),
    Factor(
        "time-clock",
        "Time and clocks",
        "A leap second or day, a clock or a time zone was handled wrongly.",
    ),
    Factor(
        "automation-gone-wrong",
        "Automation gone wrong",
        "An automatic system did the wrong thing or stopped without anybody noticing.",
    ),
    Factor(
        "single-point-of-failure",
        "Single point of failure",
        "There was no second one, or one shared part took everything that used it down.",
    ),
    Factor(
        "access-permission",
        "Access and permissions",
        "Permissions were too wide, too narrow or on the wrong account, or responders could not get in.",
    ),
)
