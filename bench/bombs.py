"""How fast what is too much is refused: the queries of tests/api/test_graphql_over_http.py, over HTTP."""

import time

import orjson

from bench.servers import Serving
from tests.api.test_graphql_over_http import BOMBS

_TIMES = 7


def refusals(server: Serving) -> None:
    """Print the time of each, the median of several that differ, so that none is remembered."""
    print("\nrefused")
    for name, query in BOMBS.items():
        took = sorted(_refused(server, f"{query}\n# {n}", name) for n in range(_TIMES))
        print(f"  {name:30} {took[_TIMES // 2] * 1000:6.1f} ms, at most {took[-1] * 1000:.1f}", flush=True)


def _refused(server: Serving, query: str, name: str) -> float:
    body = orjson.dumps({"query": query, "variables": {"n": 100}}).decode()
    began = time.perf_counter()
    status, answer = server.ask(body)
    took = time.perf_counter() - began
    assert status < 500, f"{name}: {status} {answer[:300]!r}"
    assert b'"errors"' in answer, f"{name}: {answer[:300]!r}"
    return took
