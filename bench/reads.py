"""GraphQL and REST reads through the whole stack, against PostGraphile, a textbook and the physical limit.

python -m bench.reads [--seconds 2] [--rounds 5] [--reads items,one] [--growth 10] [--write]
"""

import argparse
import asyncio
import os
import statistics
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

import orjson

from app.adapters.db.migrate import migrate
from app.adapters.postgres.server import EmbeddedPostgres
from bench.asking import load
from bench.bombs import refusals
from bench.graphql_data import POSTMORTEMS, fill
from bench.graphql_peers import POSTGRAPHILE, TEXTBOOK, comparable
from bench.graphql_queries import IDS, ITEMS, ONE, POSTMORTEMS_OF_A_TEAM, REST_PATH, TEAMS_SHOWN
from bench.reporting import machine, report
from bench.servers import Serving, backends, cpu, installed_peer, lacking, serving

OURS = {"items": ITEMS, "postmortems": POSTMORTEMS_OF_A_TEAM, "one": ONE}
NAMES = {"items": "Items", "postmortems": "Postmortems", "one": "One"}
REST = "rest"
ALL = [*OURS, REST, *(f"{read} unseen" for read in OURS)]
_WARM_SECONDS = 1.0
_LEAST_SECONDS = {"textbook": 4.0}
"""What answers a few requests a second needs a while for a figure."""


@dataclass(frozen=True, slots=True)
class Result:
    """One round of one server: requests a second, milliseconds of processor time for each, and the slowest."""

    per_second: float
    server_ms: float
    postgres_ms: float
    p50: float
    p99: float

    @property
    def cpu_ms(self) -> float:
        return self.server_ms + self.postgres_ms


Rounds = dict[str, list[Result]]


@dataclass(frozen=True, slots=True)
class Database:
    dsn: str
    postmaster: int


@contextmanager
def database(postmortems: int) -> Iterator[Database]:
    """Filled, in a folder that is thrown away unless NOREPEAT_BENCH_DATA names one."""
    with tempfile.TemporaryDirectory(prefix="norepeat-bench-") as folder:
        kept = os.environ.get("NOREPEAT_BENCH_DATA", folder)
        server = EmbeddedPostgres(Path(kept) / f"data-{postmortems}", durable=False)
        is_new = not (server.data_dir / "PG_VERSION").exists()
        try:
            dsn = server.start()
            if is_new:
                asyncio.run(migrate(dsn))
                asyncio.run(fill(dsn, postmortems))
            yield Database(dsn, int((server.data_dir / "postmaster.pid").read_text().split()[0]))
        finally:
            server.stop()


def asked(server: str, read: str) -> list[str]:
    """What this server is asked, with variables that change from request to request."""
    if read == REST:
        return [REST_PATH.format(team=team) for team in TEAMS_SHOWN]
    kind, _, unseen = read.partition(" ")
    values = [{"id": id} for id in IDS] if kind == "one" else [{"team": team} for team in TEAMS_SHOWN]
    query = {"postgraphile": POSTGRAPHILE, "textbook": TEXTBOOK}.get(server, OURS)[kind]
    if unseen:
        return [_unseen(query, NAMES[kind], one) for one in values]
    if query is OURS[kind] and kind != "one":
        values = [{"team": [one["team"]]} for one in values]  # type: ignore[dict-item]
    return [_body(query, NAMES[kind], one) for one in values]


def _body(query: str, name: str, variables: object) -> str:
    return orjson.dumps({"query": query, "operationName": name, "variables": variables}).decode()


def _unseen(query: str, name: str, values: dict[str, str]) -> str:
    """The document with its values inside and a name that it never had."""
    text = f"query {name}@@ {{{query.partition('{')[2]}"
    for variable, value in values.items():
        text = text.replace(f"${variable}", orjson.dumps(value).decode())
    return _body(text, f"{name}@@", {})


def servers_of(read: str) -> list[str]:
    if read == REST:
        return ["norepeat", "limit"]
    if read.endswith("unseen"):
        return ["norepeat", "postgraphile"]
    return ["norepeat", "bare", "limit", "postgraphile", "textbook"]


def require_equal(read: str, servers: dict[str, Serving]) -> None:
    """Every server gives the same answer to the same question."""
    for n in (3, 11):
        found = {
            name: _plain(serving.json(asked(name, read)[n].replace("@@", f"e{n}"))) for name, serving in servers.items()
        }
        ours = found.pop("norepeat")
        for name, theirs in found.items():
            assert theirs == ours, f"{read}: {name} answers {str(theirs)[:600]}\nnorepeat {str(ours)[:600]}"


def _plain(answer: object) -> object:
    assert isinstance(answer, dict), answer
    assert "errors" not in answer, answer
    return comparable(answer["items"] if "items" in answer else answer["data"])


def measure(read: str, servers: dict[str, Serving], postmasters: dict[str, int], seconds: float, rounds: int) -> Rounds:
    """Rounds in which every server has its turn, backwards in every other one."""
    questions = {name: asked(name.partition(" ")[0], read) for name in servers}
    for name, one in servers.items():
        load(one.port, questions[name], _WARM_SECONDS)
    found: Rounds = {name: [] for name in servers}
    for n in range(rounds):
        for name in list(servers)[:: -1 if n % 2 else 1]:
            found[name].append(
                _round(servers[name], postmasters[name], questions[name], max(seconds, _LEAST_SECONDS.get(name, 0)))
            )
    return found


def _round(server: Serving, postmaster: int, questions: list[str], seconds: float) -> Result:
    before = cpu([server.pid]), cpu(backends(postmaster))
    got = load(server.port, questions, seconds)
    own, postgres = cpu([server.pid]) - before[0], cpu(backends(postmaster)) - before[1]
    return Result(got.per_second, own / got.requests * 1e3, postgres / got.requests * 1e3, got.p50 * 1e3, got.p99 * 1e3)


def ratio(found: Rounds, one: str, other: str, of: str = "per_second") -> float:
    """The median of the ratios round by round."""
    pairs = zip(found[one], found[other], strict=True)
    return round(float(statistics.median(getattr(a, of) / getattr(b, of) for a, b in pairs)), 3)


def compared(reads: list[str], seconds: float, rounds: int, data: Database, peers: list[str]) -> dict[str, Rounds]:
    found: dict[str, Rounds] = {}
    with ExitStack() as stack:
        wanted = [name for name in peers if any(name in servers_of(read) for read in reads)]
        running = {name: stack.enter_context(serving(name, data.dsn)) for name in wanted}
        for read in reads:
            taking = {name: running[name] for name in servers_of(read) if name in running}
            require_equal(read, taking)
            found[read] = measure(read, taking, dict.fromkeys(taking, data.postmaster), seconds, rounds)
            report(read, found[read])
        refusals(running["norepeat"])
    return found


def grown(reads: list[str], seconds: float, rounds: int, data: Database, factor: int) -> float:
    """How many times as long the slowest of the reads takes with so many times the rows."""
    with database(POSTMORTEMS * factor) as large, ExitStack() as stack:
        names = {"norepeat": data, f"norepeat {factor}x": large}
        servers = {name: stack.enter_context(serving(name, one.dsn)) for name, one in names.items()}
        postmasters = {name: one.postmaster for name, one in names.items()}
        slower = []
        for read in reads:
            found = measure(read, servers, postmasters, seconds, rounds)
            report(f"{read}, {factor} times the rows", found)
            slower.append(ratio(found, "norepeat", f"norepeat {factor}x"))
    return max(slower)


def results(found: dict[str, Rounds]) -> dict[str, object]:
    graphql: dict[str, dict[str, float]] = {}
    for read in (read for read in OURS if read in found):
        rounds = found[read]
        one = graphql[read] = {}
        for name, peer in (("of_limit", "limit"), ("of_bare", "bare"), ("vs_textbook", "textbook")):
            if peer in rounds:
                one[name] = ratio(rounds, "norepeat", peer)
        if "postgraphile" in rounds:
            one["vs_postgraphile"] = ratio(rounds, "norepeat", "postgraphile")
            one["cpu_vs_postgraphile"] = ratio(rounds, "norepeat", "postgraphile", "cpu_ms")
            one["p99_vs_postgraphile"] = ratio(rounds, "norepeat", "postgraphile", "p99")
        if "postgraphile" in found.get(f"{read} unseen", {}):
            one["unseen_vs_postgraphile"] = ratio(found[f"{read} unseen"], "norepeat", "postgraphile")
    rest = {"rest": {"of_limit": ratio(found[REST], "norepeat", "limit")}} if REST in found else {}
    return {"graphql": graphql, **rest}


def main() -> None:
    asking = argparse.ArgumentParser(description=__doc__)
    asking.add_argument("--seconds", type=float, default=2.0)
    asking.add_argument("--rounds", type=int, default=5)
    asking.add_argument("--reads", default=",".join(ALL))
    asking.add_argument("--without", default="", help="servers that are left out")
    asking.add_argument("--growth", type=int, default=10, help="how many times the rows are also measured; 0: not")
    asking.add_argument("--write", action="store_true", help="write bench/results.json")
    given = asking.parse_args()
    for sentence in lacking():
        print(f"NOT MEASURED AS IT SHOULD BE: {sentence}.", flush=True)
    peers = ["norepeat", "bare", "limit", *(["postgraphile"] if installed_peer() else []), "textbook"]
    peers = [name for name in peers if name not in given.without.split(",")]
    with database(POSTMORTEMS) as data:
        found = compared(given.reads.split(","), given.seconds, given.rounds, data, peers)
        told = results(found) | {"machine": machine(given.rounds, given.seconds), "lacking": lacking()}
        if given.growth:
            told["growth_10x"] = grown([*OURS, REST], given.seconds, given.rounds, data, given.growth)
    print(orjson.dumps(told, option=orjson.OPT_INDENT_2).decode())
    if given.write:
        Path(__file__).with_name("results.json").write_bytes(orjson.dumps(told, option=orjson.OPT_INDENT_2) + b"\n")


if __name__ == "__main__":
    main()
