"""What metrics are computed from: aggregated by one set-based statement each, on the pool for reads."""

from app.adapters.db.facts.sql_facts import SqlFacts

__all__ = ["SqlFacts"]
