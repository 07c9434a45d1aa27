"""Which field of which kind is which column: declared here once, for REST, GraphQL and the cursors alike.

In every expression `{t}` stands for the alias of the kind's table.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum

from app.domain.postmortems.content import PHASES, SectionName


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
    """The record of `kind` whose `by` is in this expression. `incident` is the one it derives from, where the parent
    knows that as well: the predicate then needs no look-up."""

    kind: str
    sql: str
    by: str = "id"
    incident: str | None = None


@dataclass(frozen=True, slots=True)
class ToMany:
    """Records of `kind` under `where`: `{p}` is the parent's alias, `{t}` the child's, `incident` as above."""

    kind: str
    where: str
    order: str
    limit: int = 200
    incident: str | None = None


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
    names: Mapping[str, str] = field(default_factory=dict)
    """The same for a single text `{v}`: a column's equality, so that an index of both filter and order fits."""
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


_ROUTE_EARLIER = (
    "jsonb_build_object('issue_type', null, 'due_field', null, 'priorities',"
    " jsonb_build_object('urgent', null, 'high', null, 'medium', null, 'low', null))"
)
"""What routes do not say that were stored before they had it; what they say goes over it."""


def _entries(name: str, column: str, key: str, value: str) -> dict[str, Column]:
    """A JSON object as a list of its entries, under names of their own."""
    made = f"jsonb_build_object('{key}', e.key, '{value}', e.value)"
    return {name: Column(f"(select coalesce(jsonb_agg({made}), '[]') from jsonb_each({{t}}.{column}) e)", As.JSON)}


def _listed(name: str, column: str, order: Iterable[str], entry: str) -> dict[str, Column]:
    """The same for known keys in their order; `entry` makes one of `e.key` and `e.value`."""
    known = f"unnest(array[{', '.join(map(_quoted, order))}]) with ordinality k(key, n)"
    entries = f"(select k.key, k.n, {{t}}.{column} -> k.key as value from {known} where {{t}}.{column} ? k.key) e"
    return {name: Column(f"(select coalesce(jsonb_agg({entry} order by e.n), '[]') from {entries})", As.JSON)}


def _quoted(text: str) -> str:
    return f"'{text}'"


_ROUTE = {"route": Column(f"{_ROUTE_EARLIER} || {{t}}.route", As.JSON)}
_WRITTEN = {name: Column(f"{{t}}.{name}", As.INSTANT) for name in ("created_at", "updated_at")}
"""Never absent, so an index in their order can be walked."""
_VERSIONED = _ids("id") | _wholes("version") | _WRITTEN
_RANK = "(array['urgent','high','medium','low'])[{{t}}.{}]"
_BY_SERVICE = "{t}.service_id in (select id from services where slug = any({v}))"
_BY_TEAM = "{t}.team_id in (select id from teams where slug = any({v}))"
_NAMED_SERVICE = "{t}.service_id = (select id from services where slug = {v})"
_NAMED_TEAM = "{t}.team_id = (select id from teams where slug = {v})"
_ITEM_DAY = "(select day_in(z.time_zone) from teams z where z.id = {t}.team_id)"
_INCIDENT_DAY = (
    "(select day_in(z.time_zone) from incidents i join services s on s.id = i.primary_service_id"
    " join teams z on z.id = s.team_id where i.id = {t}.incident_id)"
)


def _past(column: str, day: str) -> str:
    """Whether a date has passed where the team is; the team is asked only where that can make a difference."""
    return f"({column} < current_date - 1 or ({column} <= current_date and {column} < coalesce({day}, current_date)))"


_ITEM_PAST = _past("{t}.committed_due_on", _ITEM_DAY)
_OVERDUE = (
    "({t}.status in ('open','in_progress') and {t}.committed_due_on is not null"
    f" and {_ITEM_PAST}) = any({{v}}::boolean[])"
)

_DECISIONS = (
    "(select coalesce(jsonb_agg(d.value order by d.value->>'at', d.key), '[]') from jsonb_each({t}.decisions) d)"
)
_ANALYSIS = "case when {t}.state in ('queued', 'gathering', 'writing') then null else {t}.sections end"
_SINCE = "now() - make_interval(days => ({v})[1]::int)"
_IN_FEED = (
    f"coalesce({{t}}.created_at >= {_SINCE} or {{t}}.reopened_at >= {_SINCE} or {{t}}.cause_recurred_at >= {_SINCE}"
    f" or ({{t}}.status in ('open','in_progress') and {_ITEM_PAST}), false)"
)
_LATE = f"({_past('{t}.due_on', _INCIDENT_DAY)} and {{t}}.published_number = 0 and {{t}}.status <> 'waived')"
_FROZEN = (
    # A linked item of another incident stays frozen in the text, but shows only to who may still see its incident.
    "jsonb_set({t}.content, '{{linked_items}}', (select coalesce(jsonb_agg(l.item order by l.n), '[]'::jsonb)"
    " from jsonb_array_elements({t}.content->'linked_items') with ordinality l(item, n)"
    " where $2::boolean or not exists (select 1 from action_items a join incidents v on v.id = a.incident_id"
    " where a.id = (l.item->>'id')::uuid and v.restricted and not exists"
    " (select 1 from incident_viewers w where w.incident_id = v.id and w.person_id = $1::uuid))))"
)


def _of_visible(column: str) -> Column:
    """A JSON list whose elements each name an incident: those of incidents that the caller may not see are left out."""
    return Column(
        f"(select coalesce(jsonb_agg(q.one order by q.n), '[]'::jsonb)"
        f" from jsonb_array_elements({{t}}.{column}) with ordinality q(one, n)"
        " where $2::boolean or not exists (select 1 from incidents v"
        " where v.id = (q.one->>'incident_id')::uuid and v.restricted and not exists"
        " (select 1 from incident_viewers w where w.incident_id = v.id and w.person_id = $1::uuid)))",
        As.JSON,
    )


_TOLD_OF = "{{t}}.id in (select service_id from {0}_services where {0}_id = {{p}}.id)"
_ABOUT = (
    "{{t}}.id in (select {0}_id from {0}_services x join services s on s.id = x.service_id where s.slug = any({{v}}))"
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
        _VERSIONED
        | _ids("team_id")
        | _texts("email", "name")
        | _codes("role")
        | _flags("active")
        | _jsons("handles")
        | _entries("handle_entries", "handles", "provider", "handle"),
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
        many={
            "boosts": ToMany("boost", "{t}.service_id = {p}.id", "{t}.ended_at is not null, {t}.raised_at desc, {t}.id")
        },
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
        one={
            "merged_into": ToOne("root_cause", "{t}.merged_into_id"),
            "factor": ToOne("factor", "{t}.factor_code", "code"),
        },
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
        | _jsons("moment_sources", "contradictions", "external_refs", "responders")
        | _entries("moment_source_entries", "moment_sources", "moment", "source")
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
            "postmortem": ToOne("postmortem", "{t}.id", "incident_id"),
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
            "facts": ToMany("incident_fact", "{t}.incident_id = {p}.id", "{t}.occurred_at, {t}.fact_id", 1000),
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
            "pattern": "{t}.id in (select unnest(incident_ids) from meta_review_patterns where id::text = any({v}))",
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
        | _listed("section_list", "sections", SectionName, "jsonb_build_object('name', e.key) || e.value")
        | _listed(
            "phase_explanation_list",
            "phase_explanations",
            PHASES,
            "jsonb_build_object('phase', e.key, 'text', e.value)",
        )
        | {"overdue": Column(f"coalesce({_LATE}, false)", As.FLAG)},
        one={
            "incident": ToOne("incident", "{t}.incident_id"),
            "author": ToOne("person", "{t}.author_id"),
            "facilitator": ToOne("person", "{t}.facilitator_id"),
        },
        many={
            "timeline": ToMany(
                "timeline_entry", "{t}.postmortem_id = {p}.id", "{t}.occurred_at, {t}.id", 1000, "{p}.incident_id"
            ),
            "factors": ToMany(
                "postmortem_factor", "{t}.postmortem_id = {p}.id", "{t}.code", incident="{p}.incident_id"
            ),
            "action_items": ToMany("action_item", "{t}.postmortem_id = {p}.id", "{t}.id"),
            "linked_items": ToMany(
                "action_item",
                "{t}.id in (select x::uuid from jsonb_array_elements_text({p}.linked_item_ids) x)",
                "{t}.id",
            ),
            "sign_offs": ToMany("sign_off", "{t}.postmortem_id = {p}.id", "{t}.at, {t}.id", incident="{p}.incident_id"),
            "publications": ToMany("announcement", "{t}.postmortem_id = {p}.id", "{t}.created_at, {t}.id"),
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
        one={"factor": ToOne("factor", "{t}.code", "code")},
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
            "overdue": Column(f"coalesce({{t}}.status in ('open','in_progress') and {_ITEM_PAST}, false)", As.FLAG),
        },
        one={
            "postmortem": ToOne("postmortem", "{t}.postmortem_id"),
            "incident": ToOne("incident", "{t}.incident_id"),
            "owner": ToOne("person", "{t}.owner_id"),
            "team": ToOne("team", "{t}.team_id"),
            "service": ToOne("service", "{t}.service_id"),
            "root_cause": ToOne("root_cause", "{t}.root_cause_id"),
            "ticket": ToOne("ticket", "{t}.id", "action_item_id", "{t}.incident_id"),
            "refuted_by": ToOne("incident", "{t}.refuted_by_id"),
            "pattern": ToOne("meta_review_pattern", "{t}.pattern_id"),
            "boost": ToOne("boost", "{t}.boost_id"),
        },
        many={
            "evidence": ToMany(
                "check", "{t}.action_item_id = {p}.id", "{t}.ran_at, {t}.id", incident="{p}.incident_id"
            ),
            "history": ToMany(
                "action_item_change", "{t}.action_item_id = {p}.id", "{t}.at, {t}.id", incident="{p}.incident_id"
            ),
        },
        incident="{t}.incident_id",
        names={
            "service": _NAMED_SERVICE,
            "team": _NAMED_TEAM,
            "owner": "{t}.owner_id = (select id from people where email = {v})",
            "root_cause": "{t}.root_cause_id = (select id from root_causes where slug = {v})",
        },
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
    "announcement": Kind(
        "announcements",
        _ids("id", "postmortem_id")
        | _codes("target", "state")
        | _texts("place", "posted_as", "last_error")
        | _wholes("attempts")
        | _instants("created_at", "attempt_at", "not_before", "finished_at"),
        incident="{t}.incident_id",
    ),
    "incident_fact": Kind(
        "incident_facts",
        _ids("incident_id")
        | {"id": Column("{t}.fact_id")}
        | _instants("occurred_at", "recorded_at")
        | _codes("kind")
        | _texts("text", "url")
        | _flags("machine", "taken"),
        incident="{t}.incident_id",
        order="fact_id",
    ),
    "draft": Kind(
        "drafts",
        _VERSIONED
        | _ids("postmortem_id")
        | _texts("requested_by", "error")
        | _codes("state")
        | _jsons("evidence", "dropped", "sources", "redactions", "timeline", "contradictions")
        | {
            "evidence_count": Column("jsonb_array_length({t}.evidence)", As.WHOLE),
            "analysis": Column(_ANALYSIS, As.JSON),
            "decisions": Column(_DECISIONS, As.JSON),
        },
        one={"postmortem": ToOne("postmortem", "{t}.postmortem_id")},
        incident="{t}.incident_id",
    ),
    "transcript": Kind(
        "transcripts",
        _ids("id", "postmortem_id")
        | _texts("uploaded_by", "name")
        | _codes("format")
        | _instants("created_at", "starts_at", "ends_at")
        | _wholes("messages", "left_out"),
        incident="{t}.incident_id",
    ),
    "deployment": Kind(
        "deployments",
        _VERSIONED
        | _codes("state")
        | _texts("source", "external_id", "environment", "revision", "ref", "repository", "url", "description")
        | _jsons("references")
        | _instants("started_at", "deployed_at", "ended_at"),
        many={"services": ToMany("service", _TOLD_OF.format("deployment"), "{t}.slug")},
        conditions={"service": _ABOUT.format("deployment")},
    ),
    "annotation": Kind(
        "annotations",
        _VERSIONED | _codes("kind") | _texts("source", "external_id", "text", "url") | _instants("at", "ends_at"),
        many={"services": ToMany("service", _TOLD_OF.format("annotation"), "{t}.slug")},
        conditions={"service": _ABOUT.format("annotation")},
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
        | {
            "route": Column(
                f"jsonb_build_object('provider', {{t}}.provider) || {_ROUTE_EARLIER} || {{t}}.route", As.JSON
            ),
            "planned_in": Column("{t}.planned->>'name'"),
        }
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
    "meta_review": Kind(
        "meta_reviews",
        _VERSIONED
        | _texts("period", "time_zone", "content_hash", "build_error")
        | _codes("status", "build_state", "build_step")
        | _wholes("build_done", "build_of")
        | _instants("starts_at", "ends_at", "built_at", "published_at")
        | {
            "n": Column("({t}.numbers->>'n')::int", As.WHOLE),
            "n_missing": Column("({t}.numbers->>'n_missing')::int", As.WHOLE),
            "previous_n": Column("({t}.numbers->>'previous_n')::int", As.WHOLE),
            "waived": Column("({t}.numbers->>'waived')::int", As.WHOLE),
            "other_modes": Column("({t}.numbers->>'other_modes')::int", As.WHOLE),
            "missing_because": Column("{t}.numbers->'missing_because'", As.JSON),
            "heat": Column("{t}.numbers->'heat'", As.JSON),
            "preliminary": Column("coalesce({t}.built_at, now()) < {t}.ends_at", As.FLAG),
            "build": Column(
                "jsonb_build_object('state', {t}.build_state, 'done', {t}.build_done, 'of', {t}.build_of,"
                " 'step', {t}.build_step, 'error', {t}.build_error)",
                As.JSON,
            ),
        },
        one={
            "submitted_by": ToOne("person", "{t}.submitted_by_id"),
            "published_by": ToOne("person", "{t}.published_by_id"),
        },
        many={
            "patterns": ToMany("meta_review_pattern", "{t}.review_id = {p}.id", "{t}.n desc, {t}.kind, {t}.key"),
            "themes": ToMany("meta_review_theme", "{t}.review_id = {p}.id", "{t}.n desc, {t}.phrase"),
            "action_items": ToMany(
                "action_item",
                "{t}.pattern_id in (select id from meta_review_patterns where review_id = {p}.id)",
                "{t}.due_on, {t}.id",
            ),
        },
        order="period",
    ),
    "meta_review_pattern": Kind(
        "meta_review_patterns",
        _ids("id", "review_id")
        | _codes("kind", "direction")
        | _texts("key", "title", "fix")
        | _flags("fix_is_edited")
        | _wholes("n", "of", "previous_n", "previous_of")
        | {name: Column(f"{{t}}.{name}", As.NUMBER) for name in ("low", "high", "p", "revenue_per_hour_usd")}
        | _jsons("parts", "services")
        | {
            "quotes": _of_visible("quotes"),
            "period": Column("(select period from meta_reviews where id = {t}.review_id)"),
        },
        one={"meta_review": ToOne("meta_review", "{t}.review_id")},
        many={
            "incidents": ToMany(
                "incident", "{t}.id = any({p}.incident_ids)", "{t}.severity, {t}.started_at desc, {t}.id"
            ),
            "action_items": ToMany("action_item", "{t}.pattern_id = {p}.id", "{t}.due_on, {t}.id"),
        },
        conditions={
            "meta_review": "{t}.review_id in (select id from meta_reviews where id::text = any({v}))",
        },
        order="key",
    ),
    "meta_review_theme": Kind(
        "meta_review_themes",
        _ids("id", "review_id")
        | _texts("phrase", "reason")
        | _codes("status", "factor_code")
        | _wholes("n", "n_elsewhere")
        | _instants("decided_at")
        | {"z": Column("{t}.z", As.NUMBER), "quotes": _of_visible("quotes")},
        one={"decided_by": ToOne("person", "{t}.decided_by_id")},
        many={
            "incidents": ToMany(
                "incident", "{t}.id = any({p}.incident_ids)", "{t}.severity, {t}.started_at desc, {t}.id"
            ),
        },
        # Wording that only restricted incidents use any more is seen by who may see the first of them.
        incident="(select case when bool_and(r.restricted) then min(r.id::text)::uuid end"
        " from incidents r where r.id = any({t}.incident_ids))",
        conditions={
            "meta_review": "{t}.review_id in (select id from meta_reviews where id::text = any({v}))",
        },
        order="phrase",
    ),
    "finding": Kind(
        "findings",
        _ids("id", "subject_id", "incident_id")
        | _codes("code", "subject_kind")
        | _wholes("version")
        | _texts("message", "remedy", "dismissed_reason")
        | {"reached": Column("(array['owner','team_lead','leadership'])[{t}.step]")}
        | _instants("opened_at", "closed_at", "escalated_at"),
        one={"team": ToOne("team", "{t}.team_id"), "owner": ToOne("person", "{t}.owner_id")},
        incident="{t}.incident_id",
        conditions={"team": _BY_TEAM, "open": "({t}.closed_at is null) = any({v}::boolean[])"},
    ),
    "suggestion_answer": Kind(
        "suggestion_answers",
        _VERSIONED
        | _ids("incident_id")
        | _incidents("similar_incident_id")
        | _codes("kind", "verdict", "factor_code")
        | {"confidence": Column("{t}.confidence", As.NUMBER)},
        one={
            "root_cause": ToOne("root_cause", "{t}.root_cause_id"),
            "answered_by": ToOne("person", "{t}.answered_by_id"),
        },
        incident="{t}.incident_id",
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
    "audit_entry": Kind(
        "audit_log",
        _wholes("id", "position")
        | _instants("at")
        | _texts("actor", "action", "object_kind", "object_id", "request_id")
        | _jsons("before", "after")
        | {"hash": Column("encode({t}.hash, 'hex')", safe=True)},
    ),
    "webhook_endpoint": Kind(
        "webhook_endpoints",
        _VERSIONED
        | _texts("url", "description", "state_reason")
        | _codes("state")
        | _flags("sees_restricted")
        | _jsons("event_types")
        | _instants("failing_since"),
    ),
    "webhook_delivery": Kind(
        "webhook_deliveries",
        _ids("id", "endpoint_id", "event_id")
        | _codes("event_type", "state")
        | _texts("last_error")
        | {"attempts_made": Column("{t}.attempts", As.WHOLE)}
        | _instants("created_at", "not_before", "finished_at"),
        many={"attempts": ToMany("webhook_attempt", "{t}.delivery_id = {p}.id", "{t}.at, {t}.id")},
        incident="(select incident_id from events where id = {t}.event_id)",
    ),
    "webhook_attempt": Kind(
        "webhook_attempts",
        _ids("id") | _wholes("status", "milliseconds") | _texts("response", "error") | _instants("at"),
        incident="(select e.incident_id from webhook_deliveries d join events e on e.id = d.event_id"
        " where d.id = {t}.delivery_id)",
    ),
}
