"""PostgreSQL on this machine without a set-up: finding its programs, running it, stopping it."""

from app.adapters.postgres.binaries import Binaries, find_binaries
from app.adapters.postgres.errors import PostgresError
from app.adapters.postgres.server import EmbeddedPostgres
from app.adapters.postgres.sockets import running_dsn

__all__ = ["Binaries", "EmbeddedPostgres", "PostgresError", "find_binaries", "running_dsn"]
