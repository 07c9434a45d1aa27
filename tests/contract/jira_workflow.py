"""The workflow of a simulated Jira project: its statuses, and which transitions it offers from each."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any


def _status(id: str, name: str, category: str) -> dict[str, Any]:
    return {"id": id, "name": name, "statusCategory": {"id": int(id), "key": category, "name": category}}


STATUSES = {
    "To Do": _status("1", "To Do", "new"),
    "In Progress": _status("3", "In Progress", "indeterminate"),
    "Won't Do": _status("5", "Won't Do", "done"),
    "Done": _status("4", "Done", "done"),
}
RESOLUTIONS = {"1": "Done", "2": "Won't Do", "3": "Duplicate"}


@dataclass
class Workflow:
    """`asks` shows a resolution on the screen; `through_work` lets nothing end that has not begun."""

    asks: bool = True
    through_work: bool = False
    ends_as_declined: bool = False
    closed: bool = False

    def offered(self, issue: Mapping[str, Any]) -> list[dict[str, Any]]:
        """The transitions from where the issue is."""
        here = issue["fields"]["status"]["name"]
        names = [name for name in STATUSES if name != here and (name != "Won't Do" or self.ends_as_declined)]
        if self.through_work and here != "In Progress":
            names = ["In Progress"]
        return [] if self.closed else [self._transition(name) for name in names]

    def _transition(self, name: str) -> dict[str, Any]:
        status = STATUSES[name]
        asked = {"resolution": {"allowedValues": [{"id": id, "name": text} for id, text in RESOLUTIONS.items()]}}
        asks = self.asks and status["statusCategory"]["key"] == "done"
        return {"id": f"{status['id']}1", "name": name, "to": status, "fields": asked if asks else {}}

    def result(self, chosen: Mapping[str, Any], fields: Mapping[str, Any]) -> dict[str, Any]:
        """The fields that an issue has afterwards."""
        ended = chosen["to"]["statusCategory"]["key"] == "done"
        given = RESOLUTIONS.get((fields.get("resolution") or {}).get("id", ""))
        resolution = given or (RESOLUTIONS["1"] if ended else None)
        return {"status": chosen["to"], "resolution": {"name": resolution} if resolution else None}
