"""What can be learnt from, and evaluated on: reports, the factors people read in them, pairs people compared."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum

from app.domain.learning.resemblance import Story


class Relation(StrEnum):
    """What people said of two incidents."""

    SAME_ROOT_CAUSE = "same-root-cause"
    SAME_FAILURE_MODE = "same-failure-mode"
    SAME_STATED_CAUSE = "same-stated-cause"
    NOT_SAME_CAUSE = "not-same-cause"
    SAME_INCIDENT = "same-incident"

    @property
    def recurs(self) -> bool:
        return self in (Relation.SAME_ROOT_CAUSE, Relation.SAME_FAILURE_MODE, Relation.SAME_STATED_CAUSE)


@dataclass(frozen=True, slots=True)
class Report:
    """An incident of an organisation; `date` is ISO, so that texts compare as days do."""

    id: str
    organisation: str
    story: Story
    date: str | None = None


@dataclass(frozen=True, slots=True)
class Labels:
    """The factors a person read in a report. `partial`: from parts of it, so an absent code says less."""

    report_id: str
    codes: frozenset[str]
    random_sample: bool = True
    partial: bool = False


@dataclass(frozen=True, slots=True)
class Pair:
    """Two incidents that a person compared."""

    a: str
    b: str
    relation: Relation


@dataclass(frozen=True, slots=True)
class Examples:
    """All of it; labels and pairs name reports by id."""

    reports: Mapping[str, Report]
    labels: Sequence[Labels] = ()
    pairs: Sequence[Pair] = ()

    def without(self, organisations: Iterable[str]) -> "Examples":
        """As if these organisations had never been read."""
        gone = set(organisations)
        kept = {id: report for id, report in self.reports.items() if report.organisation not in gone}
        return self.only(kept)

    def only(self, reports: Mapping[str, Report]) -> "Examples":
        """What is said of these reports alone."""
        labels = [one for one in self.labels if one.report_id in reports]
        return Examples(reports, labels, [one for one in self.pairs if one.a in reports and one.b in reports])

    def known(self) -> "Examples":
        """Without labels and pairs whose reports are not here."""
        return self.only(self.reports)
