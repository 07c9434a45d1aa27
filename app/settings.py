"""Every setting, with its variable `NOREPEAT_<NAME>`; `.env` in the working directory is read too."""

from pathlib import Path

from pydantic import AliasChoices, Field, SecretStr
from pydantic_settings import BaseSettings, SettingsConfigDict


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
    postgres_bin: Path | None = Field(default=None, description="A folder with initdb, postgres and pg_isready.")
    admin_key: SecretStr | None = Field(default=None, description="The first admin key, instead of a generated one.")
    docs: bool = Field(default=True, description="Serve /docs and GraphQL introspection.")
    log_level: str = Field(default="info", description="debug, info, warning or error.")
    body_limit: int = Field(default=1_048_576, description="Largest body in bytes; webhooks may have twice as much.")
    pool_size: int = Field(default=5, ge=1, description="Connections for writing, per process.")
    read_pool_size: int = Field(default=5, ge=1, description="Connections for reading, per process.")
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

    @property
    def url(self) -> str:
        """The address that links back use."""
        return (self.public_url or f"http://{self.host}:{self.port}").rstrip("/")
