"""The one error of the embedded PostgreSQL: its text tells a person what to do."""


class PostgresError(RuntimeError):
    pass
