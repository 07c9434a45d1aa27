"""Every metric at 20,000 and 200,000 postmortems, how the cost grows, and the article's loop beside it.

python -m bench.metrics [SMALL LARGE]: prints a table and writes it into bench/RESULTS.md
"""

import asyncio
import os
import re
import statistics
import sys
import tempfile
import time
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from pathlib import Path

import httpx2

from app.adapters.db.migrate import migrate
from app.adapters.postgres.server import EmbeddedPostgres
from app.domain.organisation.use_cases import bootstrap_admin
from app.main import create_app
from app.settings import Settings
from app.wiring import open_ports
from bench.article_loop import run as run_article
from bench.metrics_data import fill
from bench.webhooks import machine

AS_OF = datetime(2026, 11, 1, tzinfo=UTC)
KEY = "nr_bench_0123456789abcdefghijABCDEFGHIJ0123456789"
METRICS = ("recurrence", "completion", "detection", "severity", "effectiveness", "follow-through")
RESULTS = Path(__file__).with_name("RESULTS.md")
HEADING = "## Metrics"
SAMPLE = 1_000
"""So many postmortems of the article's loop are timed; its cost is one round of queries for each of them."""
Figures = dict[tuple[str, str], float]


async def measured(ask: Callable[[], Awaitable[object]], times: int) -> float:
    """The median in milliseconds, after two that warm up."""
    took = []
    for no in range(times + 2):
        began = time.perf_counter()
        await ask()
        took.append((time.perf_counter() - began) * 1000) if no > 1 else None
    return statistics.median(took)


async def measure_all(dsn: str) -> Figures:
    """Whole requests through the application in this process: authentication, statements, JSON."""
    settings = Settings(_env_file=None, database_url=dsn, command_timeout=120)
    found: Figures = {}
    async with open_ports(settings, clock=lambda: AS_OF) as opened:
        await bootstrap_admin(opened.ports.uow, opened.ports.clock, given_key=KEY)
        app = create_app(settings)
        app.state.ports = opened.ports
        transport = httpx2.ASGITransport(app=app)
        headers = {"Authorization": f"Bearer {KEY}"}
        async with httpx2.AsyncClient(
            transport=transport, base_url="http://bench", headers=headers, timeout=300
        ) as http:

            async def get(path: str) -> None:
                (await http.get(path)).raise_for_status()

            for name in METRICS:
                for window, days, times in (("180 days", 180, 15), ("all time", 3660, 5)):
                    path = f"/v1/metrics/{name}?lookback_days={days}"
                    found[name, window] = await measured(lambda path=path: get(path), times)  # type: ignore[misc]
            found["sprint feed", "first page"] = await measured(lambda: get("/v1/sprint-planning?limit=50"), 15)
    return found


async def measure_article(dsn: str, postmortems: int, figures: Figures) -> tuple[float, float]:
    """Seconds of the article's loop, from a sample, and of our answer to its two questions over the same history."""
    settings = Settings(_env_file=None, database_url=dsn, command_timeout=120)
    async with open_ports(settings, clock=lambda: AS_OF) as opened:
        theirs = await run_article(opened.engine, SAMPLE)
    seconds = theirs["seconds"] * postmortems / theirs["postmortems"]
    return seconds, (figures["recurrence", "all time"] + figures["completion", "all time"]) / 1000


def at_size(postmortems: int, *, with_article: bool) -> tuple[Figures, tuple[float, float] | None]:
    with (
        tempfile.TemporaryDirectory(prefix="norepeat-bench-") as name,
        EmbeddedPostgres(Path(name) / "data", durable=False) as postgres,
    ):
        asyncio.run(migrate(postgres.dsn))
        asyncio.run(fill(postgres.dsn, postmortems))
        figures = asyncio.run(measure_all(postgres.dsn))
        return figures, asyncio.run(measure_article(postgres.dsn, postmortems, figures)) if with_article else None


def table(small: Figures, large: Figures, sizes: tuple[int, int]) -> str:
    lines = [
        f"| p50 in ms | {sizes[0]:,} | {sizes[1]:,} | growth | target at {sizes[1]:,} |",
        "|---|---|---|---|---|",
    ]
    for name, window in small:
        now, then = large[name, window], small[name, window]
        target = {"180 days": "50 ms, growth 1.5", "all time": "1,000 ms", "first page": "30 ms"}[window]
        lines.append(f"| {name}, {window} | {then:.1f} | {now:.1f} | {now / then:.2f} | {target} |")
    return "\n".join(lines)


def keep(text: str) -> None:
    """In place of the last figures."""
    known = RESULTS.read_text(encoding="utf-8")
    section = re.compile(rf"^{HEADING}\n.*?(?=^## |\Z)", re.M | re.S)
    new = f"{HEADING}\n\n{text}\n\n"
    kept = section.sub(lambda _: new, known) if section.search(known) else f"{known.rstrip()}\n\n{new}"
    RESULTS.write_text(kept.rstrip() + "\n", encoding="utf-8")


def main(small: int = 20_000, large: int = 200_000) -> None:
    few, article = at_size(small, with_article=True)
    many, _ = at_size(large, with_article=False)
    assert article
    seconds, ours = article
    load = ", ".join(f"{one:.1f}" for one in os.getloadavg())
    text = f"""`make bench-metrics`. {machine()}, fsync off, load average at the end {load}; whole requests through the
application in one process. 2 incidents and 5 action items a postmortem, 20,000 postmortems a year, so 180 days hold
the same at both sizes (9,900 postmortems, 19,700 incidents, 49,000 items); the large one has ten years behind them.

{table(few, many, (small, large))}

The article's loop over {small:,} postmortems, as written, over an ORM session: {seconds:.1f} s, from {SAMPLE:,} of
them timed and taken times {small // SAMPLE}: every postmortem costs the same three queries. Recurrence and
completion over the same history: {ours * 1000:.0f} ms, {seconds / ours:.0f} times faster (target 500).
Much of the loop's time is probably the one postmortem in eight without a cause, for which it
loads every incident without one."""
    print(text)
    keep(text)


if __name__ == "__main__":
    main(*(int(given) for given in sys.argv[1:]))
