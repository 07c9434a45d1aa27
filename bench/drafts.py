"""Bundle and timeline of a large incident: time and memory, printed. Run with `python -m bench.drafts`."""

import random
import resource
import time
import tracemalloc
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

from app.adapters.phones import PhoneFinder
from app.domain.drafting.bundling import build_bundle
from app.domain.drafting.contradictions import ContradictionPolicy, find_contradictions
from app.domain.drafting.evidence import SourceReport, SourceState
from app.domain.drafting.model import DraftPolicy
from app.domain.drafting.redaction import RedactionPolicy, Redactor
from app.domain.drafting.timeline import TimelinePolicy, propose_timeline
from app.domain.gathering import SourceFact, Window
from app.domain.postmortems.content import TimelineKind

MESSAGES, ALERTS, DEPLOYMENTS = 5000, 300, 100
START = datetime(2026, 5, 4, 8, tzinfo=UTC)
SPOKEN = (
    "seeing errors on checkout, error rate is {n}%", "taking a look at pod-{n}", "I suspect the pool of 10.0.0.{n}",
    "rolled back to v1.{n}.0", "mail user{n}@example.com about it", "ok", "restarted worker-{n}: 187.50 375.00 ms",
    "see https://x.example/pull/{n} and token=abc{n}def0123456", "is it fixed?", "call +49 30 9018{n:04d}",
    "```\nerror {n}: connection refused\n" + "line of a log with nothing in it\n" * 8 + "```",
)  # fmt: skip


def facts() -> list[SourceFact]:
    draw = random.Random(7)
    found = []
    for n in range(MESSAGES):
        text = draw.choice(SPOKEN).format(n=n)
        at = START + timedelta(seconds=5 * n)
        found.append(SourceFact(f"slack:C1/{n}", at, TimelineKind.COMMUNICATION, text, None, False, f"u{n % 40}"))
    for n in range(ALERTS):
        at = START + timedelta(seconds=80 * n)
        found.append(SourceFact(f"alert:{n}@{n}", at, TimelineKind.DETECTION, f"Alert Errors fired {n}"))
    for n in range(DEPLOYMENTS):
        at = START + timedelta(seconds=240 * n)
        found.append(SourceFact(f"deployment:{n}:done", at, TimelineKind.NOTE, f"Deployed: checkout {n:040x}"))
    return found


def run(given: list[SourceFact]) -> tuple[int, int, int]:
    report = SourceReport("all", SourceState.ANSWERED, len(given))
    redactor = Redactor(RedactionPolicy(), PhoneFinder())
    window = Window(START - timedelta(hours=1), START + timedelta(days=1))
    bundle = build_bundle([(report, given)], redactor, window, DraftPolicy())
    entries = propose_timeline(bundle, TimelinePolicy())
    found = find_contradictions(bundle, entries, None, (ZoneInfo("UTC"),), ContradictionPolicy())
    return len(bundle.evidence), len(entries), len(found)


def main() -> None:
    given = facts()
    rest = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    began = time.perf_counter()
    evidence, entries, contradictions = run(given)
    seconds = time.perf_counter() - began
    above = (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - rest) / 1024
    tracemalloc.start()
    run(given)
    _, peak = tracemalloc.get_traced_memory()
    print(f"{MESSAGES} messages, {ALERTS} alerts, {DEPLOYMENTS} deployments (target: 2 s, 150 MB above rest)")
    print(f"  bundle and timeline    {seconds:.2f} s")
    print(f"  resident memory grew   {above:.0f} MB (Python's own objects at their peak: {peak / 2**20:.0f} MB)")
    print(f"  {evidence} pieces of evidence, {entries} entries, {contradictions} contradictions")


if __name__ == "__main__":
    main()
