"""Every setting, with its variable `NOREPEAT_<NAME>`; `.env` in the working directory is read too."""

from datetime import date
from pathlib import Path
from typing import Annotated, Literal, Self

from pydantic import AliasChoices, Field, SecretStr, model_validator
from pydantic_settings import BaseSettings, SettingsConfigDict

from app.domain.drafting.patterns import Addresses


class Settings(BaseSettings):
    """What a deployment can decide. Secrets never show up in logs or errors."""

    model_config = SettingsConfigDict(env_prefix="NOREPEAT_", env_file=".env", extra="ignore", populate_by_name=True)

    host: str = Field(default="127.0.0.1", description="Address to listen on.")
    port: int = Field(default=8000, validation_alias=AliasChoices("NOREPEAT_PORT", "PORT"), ge=1, le=65535)
    public_url: str | None = Field(default=None, description="How people reach the service; links back use it.")
    data_dir: Path = Field(default=Path(".norepeat"), description="Where the embedded PostgreSQL keeps its data.")
    database_url: SecretStr | None = Field(
        default=None,
        validation_alias=AliasChoices("NOREPEAT_DATABASE_URL", "DATABASE_URL"),
        description="An external PostgreSQL 15-18; wins over the embedded one.",
    )
    database_read_url: SecretStr | None = Field(
        default=None,
        validation_alias=AliasChoices("NOREPEAT_DATABASE_READ_URL", "DATABASE_READ_URL"),
        description="A read replica for metrics and reports, which may lag; none: the database itself.",
    )
    postgres_bin: Path | None = Field(default=None, description="A folder with initdb, postgres and pg_isready.")
    admin_key: SecretStr | None = Field(default=None, description="The first admin key, instead of a generated one.")
    oidc_issuer: str | None = Field(
        default=None, description="The identity provider's address, as its tokens say `iss`; none: API keys alone."
    )
    oidc_audience: str | None = Field(default=None, description="What its tokens must say in `aud` to be meant for us.")
    oidc_person_claim: str = Field(
        default="email", description="The claim with the person's e-mail address; `email` must also be verified."
    )
    oidc_create_people: bool = Field(default=False, description="Add who signs in for the first time, as a reader.")
    oidc_groups_claim: str | None = Field(
        default=None, description="The claim with groups; with it they decide the role, and our own database does not."
    )
    oidc_group_roles: dict[str, Literal["reader", "responder", "reviewer", "admin"]] = Field(
        default={}, description='Roles by group, as JSON: {"sre":"reviewer"}; the highest counts, none is a reader.'
    )
    rate_limit_address: int = Field(default=12_000, ge=0, description="Requests a minute from one address; 0: any.")
    rate_limit_credential: int = Field(
        default=6_000, ge=0, description="Requests a minute with one credential; 0: any."
    )
    rate_limit_webhooks: int = Field(
        default=60_000, ge=0, description="Webhooks a minute from one address to one source; 0: any."
    )
    rate_limit_failures: int = Field(
        default=120, ge=0, description="Refused credentials a minute from one address, then it waits; 0: any."
    )
    rate_limit_store: SecretStr | None = Field(
        default=None,
        description="redis://HOST or valkey://HOST shares the counts between processes; none: each its own.",
    )
    request_seconds: float = Field(default=60.0, gt=0, description="Seconds after which an answer must have begun.")
    cors_origins: list[str] = Field(
        default=[],
        description='Sites whose pages may call the API from a browser, as JSON: ["https://portal.acme.com"].',
    )
    trusted_hosts: list[str] = Field(
        default=[], description='The names in Host that are answered, as JSON: ["norepeat.acme.com"]; unless set: any.'
    )
    forwarded_allow_ips: str = Field(
        default="127.0.0.1", description="Proxies whose X-Forwarded-For and -Proto are believed: addresses with commas."
    )
    environment: Literal["development", "production"] = Field(
        default="development", description="In production, unsafe settings keep the service from starting."
    )
    embedded_in_production: bool = Field(
        default=False, description="Consent to the embedded PostgreSQL in production: one machine, your own backups."
    )
    docs: bool = Field(default=True, description="Serve /docs and GraphQL introspection.")
    graphql_trusted_documents: Path | None = Field(
        default=None,
        description="Documents by SHA-256, as `norepeat graphql trust` writes them; unless set: in data_dir.",
    )
    graphql_trusted_only: bool = Field(default=False, description="Execute no GraphQL documents but trusted ones.")
    log_level: str = Field(default="info", description="debug, info, warning or error.")
    log_requests: bool = Field(default=False, description="A line of log for each request, probes excepted.")
    otlp_endpoint: str | None = Field(
        default=None,
        validation_alias=AliasChoices("NOREPEAT_OTLP_ENDPOINT", "OTEL_EXPORTER_OTLP_ENDPOINT"),
        description="An OpenTelemetry collector's OTLP over HTTP, such as http://collector:4318; none: no traces.",
    )
    worker_metrics_port: int | None = Field(
        default=None, ge=0, le=65535, description="Where the worker shows its own numbers to Prometheus; none: nowhere."
    )
    worker_metrics_host: str = Field(default="127.0.0.1", description="The address of that port.")
    body_limit: int = Field(default=1_048_576, description="Largest body in bytes; webhooks may have twice as much.")
    pool_size: int = Field(default=5, ge=1, description="Connections for writing, per process.")
    read_pool_size: int = Field(default=5, ge=1, description="Connections for reading, per process.")
    metrics_pool_size: int = Field(default=3, ge=1, description="Connections for metrics, per process; opened on need.")
    metrics_token: SecretStr | None = Field(
        default=None, description="A bearer token for Prometheus at /metrics; a reader's key is good there too."
    )
    command_timeout: float = Field(default=10.0, gt=0, description="Seconds after which a statement is given up.")
    delivery_settle_seconds: float | None = Field(
        default=None, ge=0, description="How long a tracker may take to show what it was asked for; unset: per tracker."
    )
    delivery_lease_seconds: float | None = Field(default=None, gt=0, description="How long an attempt may take; 45.")
    delivery_backoff_seconds: float | None = Field(default=None, gt=0, description="The wait after a first failure; 2.")
    organisation_time_zone: str = Field(default="UTC", description="For quarters and months.")
    github_token: SecretStr | None = Field(default=None, description="A token that may write issues.")
    github_url: str = Field(default="https://api.github.com", description="Or https://HOST/api/v3.")
    github_login: str | None = Field(default=None, description="The login behind the token, to ignore our own echoes.")
    github_webhook_secrets: list[SecretStr] = Field(
        default=[], description='A JSON list of the live webhook secrets, such as ["old","new"]; none closes the route.'
    )
    jira_url: str | None = Field(default=None, description="https://SITE.atlassian.net, or the data center's address.")
    jira_email: str | None = Field(default=None, description="Whose API token it is; none for OAuth or a data center.")
    jira_token: SecretStr | None = Field(default=None, description="An API, OAuth or personal access token.")
    jira_account: str | None = Field(
        default=None, description="The account id behind the token (else its e-mail), to ignore our own echoes."
    )
    jira_data_center: bool = Field(default=False, description="REST v2 with a personal access token.")
    jira_declined_resolutions: list[str] | None = Field(
        default=None, description='Resolutions or statuses that mean not done, as a JSON list such as ["Won\'t Do"].'
    )
    jira_duplicate_resolutions: list[str] | None = Field(
        default=None, description='Those that mean done elsewhere, as a JSON list; unless set: ["Duplicate"].'
    )
    jira_sprint_field: str | None = Field(
        default=None, description="Such as customfield_10020, where no create screen shows the sprint."
    )
    jira_webhook_secrets: list[SecretStr] = Field(default=[], description="As github_webhook_secrets.")
    linear_token: SecretStr | None = Field(default=None, description="An API key (lin_api_...) or an OAuth token.")
    linear_url: str = Field(default="https://api.linear.app/graphql", description="Another address, for tests.")
    linear_user: str | None = Field(
        default=None, description="The user id or e-mail behind the token, to ignore our own echoes."
    )
    linear_webhook_secrets: list[SecretStr] = Field(default=[], description="As github_webhook_secrets.")

    alertmanager_tokens: list[SecretStr] = Field(
        default=[], description="A JSON list of bearer tokens, or user:password for basic auth; none closes the route."
    )
    prometheus_url: str | None = Field(default=None, description="Where Prometheus (or Mimir, Thanos) answers queries.")
    prometheus_public_url: str | None = Field(default=None, description="Where people see its graphs, if elsewhere.")
    prometheus_token: SecretStr | None = Field(
        default=None, description="A bearer token, or user:password for basic auth."
    )
    prometheus_org_id: str | None = Field(default=None, description="X-Scope-OrgID, for Mimir.")
    datadog_api_key: SecretStr | None = Field(
        default=None, description="With the application key: SLOs, queries, events."
    )
    datadog_application_key: SecretStr | None = Field(default=None, description="Of a user or service account.")
    datadog_publish: bool = Field(default=True, description="Tell Datadog an event when a postmortem is published.")
    datadog_site: str = Field(default="datadoghq.com", description="Such as datadoghq.eu or us5.datadoghq.com.")
    datadog_slo_tags: str | None = Field(
        default=None, description="Only SLOs with these tags are read, such as env:prod; all unless set."
    )

    budget_burn_clear_seconds: float | None = Field(
        default=None, ge=0, description="How long a burn must be clear before its boost is lifted; 6 hours."
    )
    budget_clear_seconds: float | None = Field(
        default=None, ge=0, description="The same for what remains of a budget; 1 hour."
    )

    outbound_allow_http: bool = Field(default=False, description="Let webhook endpoints have plain http addresses.")
    outbound_allowed_networks: list[str] = Field(
        default=[],
        description='Networks that are not public and still get webhooks, as a JSON list such as ["10.0.0.0/8"].',
    )
    encryption_keys: list[SecretStr] = Field(
        default=[],
        description="A JSON list of keys for secrets at rest (`norepeat secrets key` makes one): the first encrypts,"
        " all decrypt. None: a key file in data_dir, which only one machine has.",
    )
    anthropic_api_key: SecretStr | None = Field(
        default=None,
        description="Lets Claude suggest factors and write the analysis of drafts; without it factors are suggested in"
        " this process alone, and drafts have a timeline only.",
    )
    anthropic_model: str = Field(default="claude-sonnet-5-5", description="Which of its models.")
    anthropic_url: str = Field(default="https://api.anthropic.com", description="Another address, for gateways.")
    anthropic_timeout: float = Field(default=30.0, gt=0, description="Seconds after which it is given up.")
    anthropic_input_usd: float = Field(default=3.0, ge=0, description="Its price of a million tokens of input.")
    anthropic_output_usd: float = Field(default=15.0, ge=0, description="Its price of a million tokens of output.")
    drafting_by_model: bool = Field(
        default=True, description="Whether Claude writes the analysis of drafts where a key is set."
    )
    drafting_max_cost_usd: float = Field(default=1.0, gt=0, description="What one draft may cost, retries included.")
    drafting_max_input_tokens: int = Field(
        default=100_000, ge=4_000, description="How much evidence is sent for a draft: machines' and the most telling."
    )
    drafting_max_output_tokens: int = Field(default=8_000, ge=1_000, description="How long a draft may be.")
    drafting_timeout: float = Field(
        default=300.0, gt=0, description="Seconds after which writing a draft is given up, retries included."
    )
    subscriptions_max: int = Field(default=2000, ge=0, description="Connections for subscriptions, per process.")

    pagerduty_token: SecretStr | None = Field(
        default=None, description="A REST API key, to import incidents; `Bearer ...` for OAuth."
    )
    pagerduty_url: str = Field(default="https://api.pagerduty.com", description="Or https://api.eu.pagerduty.com.")
    pagerduty_from: str | None = Field(
        default=None, description="The e-mail address of the user who writes notes; without it none are written."
    )
    pagerduty_webhook_secrets: list[SecretStr] = Field(default=[], description="As github_webhook_secrets.")
    pagerduty_services: dict[str, str] = Field(
        default={}, description='Slugs by PagerDuty service id, as JSON: {"PF9KMXH":"checkout"}; else names decide.'
    )
    pagerduty_severities: dict[str, Annotated[int, Field(ge=1, le=5)]] | None = Field(
        default=None, description='Severities by priority name, as JSON: {"Critical":1,"Major":2}; P1 to P5, SEV1 to 5.'
    )
    pagerduty_record_every_page: bool = Field(
        default=False, description="Record pages to which nobody gave a priority as incidents too."
    )

    slack_token: SecretStr | None = Field(
        default=None, description="The bot token (xoxb-...) of your own Slack app; docs/slack.md lists its scopes."
    )
    slack_url: str = Field(default="https://slack.com/api", description="Where Slack's Web API is.")
    slack_page_size: int = Field(
        default=200, ge=1, le=999, description="Messages asked for at once; 15 for an app outside the Marketplace."
    )
    slack_organisation_channel: str | None = Field(
        default=None, description="Where tier 1 postmortems are told: a channel's id or name."
    )
    slack_engineering_channel: str | None = Field(default=None, description="Where tier 2 postmortems are told.")
    slack_leadership_channel: str | None = Field(
        default=None, description="Where the leadership reads each week what is more than 30 days overdue."
    )
    slack_publish: bool = Field(default=True, description="Tell Slack when a postmortem is published.")
    slack_channels: list[str] = Field(
        default=[], description="Channels that drafts read besides those of the services' teams, such as #incidents."
    )
    slack_signing_secrets: list[SecretStr] = Field(default=[], description="As github_webhook_secrets.")
    findings_apply_from: dict[str, date] = Field(
        default={}, description="From which day on a rule counts, by its code; what was late before is late since then."
    )
    sprint_plannings: dict[str, date] = Field(
        default={},
        description="A day of sprint planning by the slug of a team; its list is posted a working day before.",
    )
    sprint_days: int = Field(default=14, ge=1, le=366, description="How many days there are between plannings.")
    grafana_url: str | None = Field(default=None, description="Grafana's address, without /api.")
    grafana_token: SecretStr | None = Field(default=None, description="A service account token for annotations.")
    grafana_org_id: int | None = Field(default=None, description="X-Grafana-Org-Id, if there are several.")
    grafana_publish: bool = Field(default=True, description="Annotate the incident when its postmortem is published.")
    grafana_tags: list[str] = Field(
        default=[], description="Tags of annotations for timelines, as JSON, beside the slugs of services."
    )
    grafana_dashboards: list[str] = Field(
        default=[], description="UIDs of dashboards whose annotations all belong into timelines, as JSON."
    )
    drafting_source_timeout: float = Field(
        default=30.0, gt=0, description="Seconds that each source of a draft may take; long for Slack's small rates."
    )
    redaction_addresses: Addresses = Field(
        default=Addresses.PUBLIC, description="Which IP addresses drafts hide: none, public or all."
    )
    redaction_phone_regions: list[str] = Field(
        default=["US", "GB", "DE", "FR"],
        description="Countries whose phone numbers are known without a country code, as a JSON list.",
    )
    production_environments: list[str] = Field(
        default=[], description='Names of environments that are production; unless set: ["production","prod","live"].'
    )
    change_hint_hours: int | None = Field(
        default=None, ge=1, le=336, description="How long before an incident a deployment may be behind it; 24."
    )

    @model_validator(mode="after")
    def _names_an_audience(self) -> Self:
        if self.oidc_issuer is not None and not self.oidc_audience:
            raise ValueError(
                "NOREPEAT_OIDC_AUDIENCE is needed with NOREPEAT_OIDC_ISSUER: who its tokens are meant for."
            )
        return self

    @property
    def url(self) -> str:
        """The address that links back use."""
        return (self.public_url or f"http://{self.host}:{self.port}").rstrip("/")
