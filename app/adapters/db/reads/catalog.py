"""Which field of which kind is which column: declared here once, for REST, GraphQL and the cursors alike.

In every expression `{t}` stands for the alias of the kind's table.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum


class As(StrEnum):
    """How a value is written as JSON, and the SQL type its filters are cast to."""

    TEXT = "text"
    ID = "uuid"
    NUMBER = "float8"
    WHOLE = "bigint"
    FLAG = "boolean"
    INSTANT = "timestamptz"
    DATE = "date"
    JSON = "jsonb"


@dataclass(frozen=True, slots=True)
class Column:
    """An expression over the kind's table. `safe` text needs no escaping: we wrote every value it can have."""

    sql: str
    type: As = As.TEXT
    safe: bool = False
    sort_null: str | None = None
    """What an absent value counts as in an order; None where it is never absent."""
    incident: str | None = None
    """The incident that the value itself names: null for a caller who may not know of it."""


@dataclass(frozen=True, slots=True)
class ToOne:
    """The record of `kind` whose id is in this expression."""

    kind: str
    sql: str


@dataclass(frozen=True, slots=True)
class ToMany:
    """Records of `kind` under `where`, in which `{p}` is the parent's alias and `{t}` the child's."""

    kind: str
    where: str
    order: str
    limit: int = 200


@dataclass(frozen=True, slots=True)
class Kind:
    """A table with its fields, its edges, and the expression that names the incident it derives from, if any."""

    table: str
    columns: Mapping[str, Column]
    one: Mapping[str, ToOne] = field(default_factory=dict)
    many: Mapping[str, ToMany] = field(default_factory=dict)
    incident: str | None = None
    conditions: Mapping[str, str] = field(default_factory=dict)
    """Filters that are no comparison with a field: SQL in which `{v}` is the value, a list of texts."""
    order: str = "id"


def _ids(*names: str) -> dict[str, Column]:
    return {name: Column(f"{{t}}.{name}", As.ID, safe=True) for name in names}


def _incidents(*names: str) -> dict[str, Column]:
    return {name: Column(f"{{t}}.{name}", As.ID, safe=True, incident=f"{{t}}.{name}") for name in names}


def _texts(*names: str) -> dict[str, Column]:
    return {name: Column(f"{{t}}.{name}", sort_null="''") for name in names}


def _codes(*names: str) -> dict[str, Column]:
    return {name: Column(f"{{t}}.{name}", safe=True, sort_null="''") for name in names}


def _instants(*names: str) -> dict[str, Column]:
    return {name: Column(f"{{t}}.{name}", As.INSTANT, sort_null="'-infinity'::timestamptz") for name in names}


def _dates(*names: str) -> dict[str, Column]:
    return {name: Column(f"{{t}}.{name}", As.DATE, sort_null="'infinity'::date") for name in names}


def _wholes(*names: str) -> dict[str, Column]:
    return {name: Column(f"{{t}}.{name}", As.WHOLE, sort_null="-1") for name in names}


def _flags(*names: str) -> dict[str, Column]:
    return {name: Column(f"{{t}}.{name}", As.FLAG) for name in names}


def _jsons(*names: str) -> dict[str, Column]:
    return {name: Column(f"{{t}}.{name}", As.JSON) for name in names}


_ROUTE = {"route": Column("jsonb_build_object('issue_type', null) || {t}.route", As.JSON)}
"""Routes that were stored before they had an issue type show it too."""
_VERSIONED = _ids("id") | _wholes("version") | _instants("created_at", "updated_at")
_RANK = "(array['urgent','high','medium','low'])[{{t}}.{}]"
_BY_SERVICE = "{t}.service_id in (select id from services where slug = any({v}))"
_BY_TEAM = "{t}.team_id in (select id from teams where slug = any({v}))"
_OVERDUE = (
    "({t}.status in ('open','in_progress') and {t}.committed_due_on is not null"
    " and {t}.committed_due_on < current_date) = any({v}::boolean[])"
)

_SINCE = "now() - make_interval(days => ({v})[1]::int)"
_IN_FEED = (
    f"coalesce({{t}}.created_at >= {_SINCE} or {{t}}.reopened_at >= {_SINCE} or {{t}}.cause_recurred_at >= {_SINCE}"
    " or ({t}.status in ('open','in_progress') and {t}.committed_due_on < current_date), false)"
)
_LATE = "({t}.due_on < current_date and {t}.published_number = 0 and {t}.status <> 'waived')"
_FROZEN = (
    # A linked item of another incident stays frozen in the text, but shows only to who may still see its incident.
    "jsonb_set({t}.content, '{{linked_items}}', (select coalesce(jsonb_agg(l.item order by l.n), '[]'::jsonb)"
    " from jsonb_array_elements({t}.content->'linked_items') with ordinality l(item, n)"
    " where $2::boolean or not exists (select 1 from action_items a join incidents v on v.id = a.incident_id"
    " where a.id = (l.item->>'id')::uuid and v.restricted and not exists"
    " (select 1 from incident_viewers w where w.incident_id = v.id and w.person_id = $1::uuid))))"
)

KINDS: Mapping[str, Kind] = {
    "team": Kind(
        "teams",
        _VERSIONED
        | _texts("slug", "name", "chat_channel", "time_zone")
        | _ROUTE
        | {"working_days": Column("to_jsonb({t}.working_days)", As.JSON)},
        one={"lead": ToOne("person", "{t}.lead_id")},
        many={
            "services": ToMany("service", "{t}.team_id = {p}.id", "{t}.slug"),
            "people": ToMany("person", "{t}.team_id = {p}.id", "{t}.email"),
        },
        order="slug",
    ),
    "person": Kind(
        "people",
        _VERSIONED | _ids("team_id") | _texts("email", "name") | _codes("role") | _flags("active") | _jsons("handles"),
        one={"team": ToOne("team", "{t}.team_id")},
        conditions={"team": _BY_TEAM},
        order="email",
    ),
    "service": Kind(
        "services",
        _VERSIONED
        | _ids("team_id")
        | _texts("slug", "name")
        | {"revenue_per_hour_usd": Column("{t}.revenue_per_hour_usd", As.NUMBER, sort_null="-1")}
        | _ROUTE,
        one={"team": ToOne("team", "{t}.team_id")},
        conditions={"team": _BY_TEAM},
        order="slug",
    ),
    "service_account": Kind(
        "service_accounts", _VERSIONED | _texts("slug", "name") | _codes("role") | _flags("active"), order="slug"
    ),
    "api_key": Kind(
        "api_keys",
        {"id": Column("{t}.id")}
        | _ids("person_id", "service_account_id")
        | _jsons("scopes")
        | _instants("created_at", "expires_at", "revoked_at", "last_used_at"),
        one={
            "person": ToOne("person", "{t}.person_id"),
            "service_account": ToOne("service_account", "{t}.service_account_id"),
        },
    ),
    "factor": Kind("factors", _texts("code", "title", "description") | _jsons("sub_codes"), order="code"),
    "root_cause": Kind(
        "root_causes",
        _VERSIONED | _ids("merged_into_id") | _texts("slug", "title", "description") | _codes("factor_code"),
        one={"merged_into": ToOne("root_cause", "{t}.merged_into_id")},
        conditions={"merged": "({t}.merged_into_id is not null) = any({v}::boolean[])"},
        order="slug",
    ),
    "incident": Kind(
        "incidents",
        _VERSIONED
        | _ids("primary_service_id", "root_cause_id")
        | _texts("title", "summary")
        | _codes(
            "mode",
            "customer_impact",
            "detection_source",
            "change_role",
            "change_kind",
            "change_rollout",
            "root_cause_status",
        )
        | _instants("started_at", "detected_at", "acknowledged_at", "mitigated_at", "resolved_at")
        | _jsons("moment_sources", "contradictions", "external_refs")
        | {
            "severity": Column("'P' || {t}.severity", safe=True),
            "severity_rank": Column("{t}.severity", As.WHOLE),
            "change": Column(
                "case when {t}.change_role is not null then jsonb_build_object('role', {t}.change_role,"
                " 'kind', {t}.change_kind, 'rollout', {t}.change_rollout) end",
                As.JSON,
            ),
            "visibility": Column("case when {t}.restricted then 'restricted' else 'organization' end", safe=True),
        },
        one={
            "primary_service": ToOne("service", "{t}.primary_service_id"),
            "root_cause": ToOne("root_cause", "{t}.root_cause_id"),
            "postmortem": ToOne("postmortem", "(select id from postmortems where incident_id = {t}.id)"),
        },
        many={
            "services": ToMany(
                "service",
                "{t}.id in (select service_id from incident_services where incident_id = {p}.id)",
                "{t}.id <> {p}.primary_service_id, {t}.slug",
            ),
            "viewers": ToMany(
                "person",
                "{t}.id in (select person_id from incident_viewers where incident_id = {p}.id)",
                "{t}.email",
            ),
            "action_items": ToMany("action_item", "{t}.incident_id = {p}.id", "{t}.id"),
        },
        incident="{t}.id",
        conditions={
            "service": "{t}.id in (select incident_id from incident_services i join services s on s.id = i.service_id"
            " where s.slug = any({v}))",
            "team": "{t}.primary_service_id in (select s.id from services s join teams m on m.id = s.team_id"
            " where m.slug = any({v}))",
            "root_cause": "{t}.root_cause_id in (select id from root_causes where slug = any({v}))",
            "resolved": "({t}.resolved_at is not null) = any({v}::boolean[])",
            "contradicting": "({t}.contradictions <> '[]'::jsonb) = any({v}::boolean[])",
            "external_id": "{t}.id in (select incident_id from incident_refs where external_id = any({v}))",
        },
    ),
    "postmortem": Kind(
        "postmortems",
        _VERSIONED
        | _ids("incident_id", "author_id", "facilitator_id")
        | _codes("status")
        | _wholes("tier", "proposed_tier", "published_number")
        | _dates("due_on")
        | _instants("published_at")
        | _jsons("tier_reasons", "override", "sections", "whys", "phase_explanations", "review", "waiver")
        | {"overdue": Column(f"coalesce({_LATE}, false)", As.FLAG)},
        one={
            "incident": ToOne("incident", "{t}.incident_id"),
            "author": ToOne("person", "{t}.author_id"),
            "facilitator": ToOne("person", "{t}.facilitator_id"),
        },
        many={
            "timeline": ToMany("timeline_entry", "{t}.postmortem_id = {p}.id", "{t}.occurred_at, {t}.id", 1000),
            "factors": ToMany("postmortem_factor", "{t}.postmortem_id = {p}.id", "{t}.code"),
            "action_items": ToMany("action_item", "{t}.postmortem_id = {p}.id", "{t}.id"),
            "linked_items": ToMany(
                "action_item",
                "{t}.id in (select x::uuid from jsonb_array_elements_text({p}.linked_item_ids) x)",
                "{t}.id",
            ),
            "sign_offs": ToMany("sign_off", "{t}.postmortem_id = {p}.id", "{t}.at, {t}.id"),
        },
        incident="{t}.incident_id",
        conditions={
            "service": "{t}.incident_id in (select i.incident_id from incident_services i"
            " join services s on s.id = i.service_id where s.slug = any({v}))",
            "team": "{t}.incident_id in (select i.id from incidents i join services s on s.id = i.primary_service_id"
            " join teams m on m.id = s.team_id where m.slug = any({v}))",
            "author": "{t}.author_id in (select id from people where email = any({v}))",
            "overdue": f"coalesce({_LATE}, false) = any({{v}}::boolean[])",
        },
    ),
    "timeline_entry": Kind(
        "timeline_entries",
        _ids("id", "postmortem_id")
        | _instants("occurred_at", "recorded_at")
        | _codes("kind")
        | _texts("text", "source")
        | _flags("machine_written", "pinned"),
        incident="(select incident_id from postmortems where id = {t}.postmortem_id)",
    ),
    "postmortem_factor": Kind(
        "postmortem_factors",
        {"code": Column("{t}.code")} | _texts("sub_code", "why"),
        incident="(select incident_id from postmortems where id = {t}.postmortem_id)",
        order="code",
    ),
    "sign_off": Kind(
        "sign_offs",
        _ids("id") | _texts("content_hash") | _instants("at"),
        one={"person": ToOne("person", "{t}.person_id")},
        incident="(select incident_id from postmortems where id = {t}.postmortem_id)",
    ),
    "publication": Kind(
        "publications",
        _ids("postmortem_id")
        | _wholes("number")
        | _texts("content_hash")
        | _codes("audience")
        | {"content": Column(_FROZEN, As.JSON)}
        | _instants("published_at"),
        one={"signed_by": ToOne("person", "{t}.signed_by_id")},
        incident="(select incident_id from postmortems where id = {t}.postmortem_id)",
        order="number",
    ),
    "action_item": Kind(
        "action_items",
        _VERSIONED
        | _ids("postmortem_id", "incident_id", "owner_id", "team_id", "service_id", "root_cause_id")
        | _incidents("refuted_by_id")
        | _texts("title", "description", "planned_in")
        | _codes("control_type", "status")
        | _flags("systemic")
        | _dates("committed_due_on", "due_on", "evidence_due_on")
        | _wholes("slips", "times_passed_over")
        | _instants(
            "opened_at", "implemented_at", "deployed_at", "closed_at", "reopened_at", "risk_as_of", "cause_recurred_at"
        )
        | _jsons("decline", "risk_detail")
        | {
            # Plans from before there were metrics have no such key.
            "plan": Column("jsonb_build_object('metric', null) || {t}.plan", As.JSON),
            "base_priority": Column(_RANK.format("base_priority"), safe=True),
            "effective_priority": Column(_RANK.format("effective_priority"), safe=True),
            "priority_rank": Column("{t}.effective_priority", As.WHOLE),
            "risk": Column("{t}.risk", As.NUMBER, sort_null="-1"),
            "overdue": Column(
                "coalesce({t}.status in ('open','in_progress') and {t}.committed_due_on < current_date, false)", As.FLAG
            ),
        },
        one={
            "postmortem": ToOne("postmortem", "{t}.postmortem_id"),
            "incident": ToOne("incident", "{t}.incident_id"),
            "owner": ToOne("person", "{t}.owner_id"),
            "team": ToOne("team", "{t}.team_id"),
            "service": ToOne("service", "{t}.service_id"),
            "root_cause": ToOne("root_cause", "{t}.root_cause_id"),
            "ticket": ToOne("ticket", "(select id from tickets where action_item_id = {t}.id)"),
            "refuted_by": ToOne("incident", "{t}.refuted_by_id"),
            "boost": ToOne("boost", "{t}.boost_id"),
        },
        many={
            "evidence": ToMany("check", "{t}.action_item_id = {p}.id", "{t}.ran_at, {t}.id"),
            "history": ToMany("action_item_change", "{t}.action_item_id = {p}.id", "{t}.at, {t}.id"),
        },
        incident="{t}.incident_id",
        conditions={
            "service": _BY_SERVICE,
            "team": _BY_TEAM,
            "owner": "{t}.owner_id in (select id from people where email = any({v}))",
            "root_cause": "{t}.root_cause_id in (select id from root_causes where slug = any({v}))",
            "overdue": _OVERDUE,
            "in_feed": _IN_FEED,
            "out_of_feed": f"not {_IN_FEED}",
        },
    ),
    "boost": Kind(
        "boosts",
        _ids("id", "service_id")
        | _wholes("version", "levels")
        | _texts("slo", "source", "reason", "ended_because", "raised_by")
        | _codes("signal", "state")
        | _flags("measured")
        | _instants("raised_at", "observed_at", "vouched_until", "clear_since", "stale_since", "ended_at")
        | {name: Column(f"{{t}}.{name}", As.NUMBER, sort_null="-1") for name in ("burn_rate", "remaining")}
        | {"live": Column("{t}.state in ('active', 'stale')", As.FLAG)},
        one={"service": ToOne("service", "{t}.service_id")},
        conditions={"service": _BY_SERVICE},
    ),
    "slo": Kind(
        "slos",
        _VERSIONED
        | _ids("service_id")
        | _texts("name", "title", "description")
        | _codes("source")
        | {name: Column(f"{{t}}.{name}", As.NUMBER) for name in ("objective", "window_days")}
        | _jsons("spec"),
        one={"service": ToOne("service", "{t}.service_id")},
        conditions={"service": _BY_SERVICE},
        order="name",
    ),
    "action_item_change": Kind(
        "action_item_changes",
        _ids("id", "action_item_id") | _instants("at") | _codes("source", "field") | _texts("actor", "old", "new"),
        incident="(select incident_id from action_items where id = {t}.action_item_id)",
    ),
    "check": Kind(
        "checks",
        _ids("id", "action_item_id")
        | _incidents("refuted_by_id")
        | _codes("kind", "verdict", "observation")
        | _instants("ran_at", "window_start", "window_end", "reviewed_at", "refuted_at", "closed_item_at")
        | _texts("statement", "link", "review_comment")
        | _jsons("detail"),
        one={
            "attested_by": ToOne("person", "{t}.attested_by_id"),
            "reviewed_by": ToOne("person", "{t}.reviewed_by_id"),
        },
        incident="(select incident_id from action_items where id = {t}.action_item_id)",
    ),
    "ticket": Kind(
        "tickets",
        _VERSIONED
        | _ids("action_item_id")
        | _codes("provider", "status", "sync_state")
        | _texts("external_id", "key", "url", "status_text", "assignee", "last_error")
        | _flags("adopted")
        | _instants("last_synced_at", "source_updated_at")
        | {"route": Column("jsonb_build_object('provider', {t}.provider, 'issue_type', null) || {t}.route", As.JSON)}
        | _jsons("dropped"),
        one={"action_item": ToOne("action_item", "{t}.action_item_id")},
        incident="(select incident_id from action_items where id = {t}.action_item_id)",
    ),
    "local_ticket": Kind(
        "local_tickets",
        _wholes("number")
        | {"key": Column("'LOCAL-' || {t}.number", safe=True), "id": Column("{t}.marker", As.ID, safe=True)}
        | _texts("title", "body", "assignee")
        | _codes("status", "priority")
        | _dates("due_on")
        | _jsons("labels", "comments")
        | _instants("created_at", "updated_at"),
        incident="(select a.incident_id from tickets k join action_items a on a.id = k.action_item_id"
        " where k.provider = 'local' and k.external_id = {t}.number::text)",
        order="number",
    ),
    "delivery": Kind(
        "deliveries",
        _ids("id", "ticket_id")
        | _codes("kind", "provider", "state")
        | _texts("key", "last_error")
        | _wholes("attempts")
        | _instants("created_at", "attempt_at", "not_before", "finished_at"),
        incident="(select a.incident_id from tickets k join action_items a on a.id = k.action_item_id"
        " where k.id = {t}.ticket_id)",
    ),
    "inbox_item": Kind(
        "inbox",
        _ids("id")
        | _codes("source")
        | _texts("delivery_id", "note", "error")
        | _wholes("attempts")
        | _instants("received_at", "handled_at", "not_before"),
    ),
    "finding": Kind(
        "findings",
        _ids("id", "subject_id", "incident_id")
        | _codes("code", "subject_kind")
        | _wholes("version")
        | _texts("message", "remedy", "dismissed_reason")
        | _instants("opened_at", "closed_at"),
        one={"team": ToOne("team", "{t}.team_id"), "owner": ToOne("person", "{t}.owner_id")},
        incident="{t}.incident_id",
        conditions={"team": _BY_TEAM, "open": "({t}.closed_at is null) = any({v}::boolean[])"},
    ),
    "event": Kind(
        "events",
        _ids("id", "subject_id")
        | _codes("type")
        | _wholes("position")
        | _texts("actor")
        | _jsons("data")
        | _instants("occurred_at"),
        incident="{t}.incident_id",
        order="position",
    ),
}
