"""Milestones of simulated repositories, and the issue fields of their organisations."""

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import httpx2

MILESTONES = re.compile(r"/repos/([^/]+/[^/]+)/milestones")
FIELDS = re.compile(r"/orgs/([^/]+)/issue-fields")


@dataclass
class Planning:
    """`fields` are the organisation's date fields by id; what is `silently_dropped` is taken and not kept."""

    milestones: dict[str, list[dict[str, Any]]] = field(default_factory=dict)
    fields: dict[int, str] = field(default_factory=lambda: {7: "Target date"})
    silently_dropped: bool = False
    forbidden: bool = False
    raced: bool = False

    def answer(self, request: httpx2.Request) -> httpx2.Response | None:
        """To a request about milestones or fields; None to any other."""
        if FIELDS.fullmatch(request.url.path) is not None:
            texts = [{"id": 6, "node_id": "F_6", "name": "DRI", "data_type": "text"}]
            dates = [
                {"id": i, "node_id": f"F_{i}", "name": name, "data_type": "date"} for i, name in self.fields.items()
            ]
            return httpx2.Response(200, json=[*texts, *dates])
        found = MILESTONES.fullmatch(request.url.path)
        if found is None:
            return None
        if self.forbidden:
            return httpx2.Response(403, json={"message": "Resource not accessible by personal access token"})
        if request.method == "GET":
            there = [one for one in self.milestones.get(found[1], ()) if one["state"] == "open"]
            return httpx2.Response(200, json=[] if self.raced and not there else there)
        return self._created(found[1], json.loads(request.content))

    def _created(self, repository: str, asked: Mapping[str, Any]) -> httpx2.Response:
        if self.raced:  # Somebody else makes the same one at this moment.
            self.raced = False
            self.add(repository, asked["title"], asked["due_on"])
        if any(one["title"] == asked["title"] for one in self.milestones.get(repository, ())):
            errors = [{"resource": "Milestone", "code": "already_exists", "field": "title"}]
            return httpx2.Response(422, json={"message": "Validation Failed", "errors": errors})
        return httpx2.Response(201, json=self.add(repository, asked["title"], asked["due_on"]))

    def add(self, repository: str, title: str, due_on: str | None = None) -> dict[str, Any]:
        """The milestone of this title; GitHub keeps the day at the hour it begins in California."""
        listed = self.milestones.setdefault(repository, [])
        found = next((one for one in listed if one["title"] == title), None)
        if found is None:
            number = len(listed) + 1
            found = {"id": 4_000 + number, "number": number, "title": title, "state": "open", "closed_at": None}
            listed.append(found)
        found["due_on"] = f"{due_on[:10]}T07:00:00Z" if due_on else None
        return found

    def stored(self, repository: str, fields: Mapping[str, Any]) -> dict[str, Any]:
        """The same fields as an issue keeps them."""
        kept = dict(fields)
        if isinstance(kept.get("milestone"), int):
            number = kept.pop("milestone")
            if not self.silently_dropped:
                kept["milestone"] = next(one for one in self.milestones[repository] if one["number"] == number)
        if "issue_field_values" in kept:
            values = kept.pop("issue_field_values")
            if not self.silently_dropped:
                kept["issue_field_values"] = [
                    {"issue_field_id": one["field_id"], "issue_field_name": self.fields[one["field_id"]],
                     "node_id": "IFD", "data_type": "date", "value": one["value"]}
                    for one in values
                ]  # fmt: skip
        return kept
