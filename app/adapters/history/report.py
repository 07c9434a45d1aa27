"""What a person sees of an import: the progress, the bad lines, the sum."""

import io
import json
import os
import sys
import time
from dataclasses import asdict
from types import TracebackType
from typing import BinaryIO, Self, TextIO

from rich.console import Console
from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn, TimeRemainingColumn

from app.adapters.history.reading import BadLine, Batch
from app.domain.incidents.importing import Imported

SHOWN = 50


class Report:
    """Bad lines go to stderr, the first of them, and to `errors`, all of them; the sum goes to stdout at the end."""

    def __init__(self, source: BinaryIO, errors: TextIO | None, *, dry_run: bool) -> None:
        self.bad = 0
        self._lines = 0
        self._sum = Imported()
        self._errors = errors
        self._verb = "would import" if dry_run else "imported"
        self._console = Console(stderr=True, soft_wrap=True, highlight=False, markup=False)
        self._progress = _bar(self._console)
        self._task = self._progress.add_task("importing", total=_size(source), lines=0)
        self._began = time.monotonic()

    def __enter__(self) -> Self:
        self._progress.start()
        return self

    def __exit__(self, error: type[BaseException] | None, _: BaseException | None, __: TracebackType | None) -> None:
        self._progress.stop()
        if self.bad > SHOWN:
            self._console.print(f"and {self.bad - SHOWN} more bad lines; --errors FILE has them all")
        if error is not None:
            self._console.print("stopped before the end; the same command goes on from here")
        print(self._summary(), flush=True)

    def add(self, batch: Batch, done: Imported, bad: list[BadLine]) -> None:
        """A batch that is stored, with every bad line of it."""
        self._lines += batch.lines
        self._sum += done
        for line in sorted(bad, key=lambda line: line.number):
            self._tell(line)
        self._progress.update(self._task, advance=batch.size, lines=self._lines)

    def _tell(self, line: BadLine) -> None:
        self.bad += 1
        if self.bad <= SHOWN:
            self._console.print(f"line {line.number}: {line.reason}")
        if self._errors is not None:
            self._errors.write(json.dumps(asdict(line), ensure_ascii=False) + "\n")
            self._errors.flush()

    def _summary(self) -> str:
        rate = self._lines / max(time.monotonic() - self._began, 1e-9)
        return (
            f"{self._verb} {self._sum.incidents} incidents ({self._sum.postmortems} postmortems), "
            f"skipped {self._sum.already_there} already there, {self.bad} bad lines, {rate:.0f} lines/s"
        )


def _bar(console: Console) -> Progress:
    return Progress(
        TextColumn("{task.description}"),
        BarColumn(),
        TaskProgressColumn(),
        TextColumn("{task.fields[lines]} lines"),
        TimeRemainingColumn(),
        console=console,
        disable=not sys.stderr.isatty(),
    )


def _size(source: BinaryIO) -> int | None:
    """In bytes; None for a pipe, whose end nobody knows."""
    try:
        return os.fstat(source.fileno()).st_size or None
    except (OSError, io.UnsupportedOperation):
        return None
