"""The measured reads as the peers are asked for them, and answers in a form in which they can be compared."""

import base64
import binascii
from datetime import datetime
from typing import Any

POSTGRAPHILE = {
    "items": """query Items($team: String!) {
  actionItems: benchOpenItems(team: $team, first: 50) {
    edges { node { id: rowId title status effectivePriority dueOn risk riskDetail: reasons
      ticket: ticketByActionItemId { key url status }
      postmortem: postmortemByPostmortemId { id: rowId status incident: incidentByIncidentId { title severity } }
      service: serviceByServiceId { name } } }
    pageInfo { hasNextPage endCursor } } }""",
    "postmortems": """query Postmortems($team: String!) {
  postmortems: benchTeamPostmortems(team: $team, first: 10) {
    edges { node { id: rowId status tier dueOn createdAt
      incident: incidentByIncidentId { title severity primaryService: serviceByPrimaryServiceId { name } }
      author: personByAuthorId { name }
      actionItems: actionItemsByPostmortemId(first: 5, orderBy: PRIMARY_KEY_ASC) {
        nodes { id: rowId title status dueOn ticket: ticketByActionItemId { key url status } } }
      timeline: timelineEntriesByPostmortemId(first: 5, orderBy: OCCURRED_AT_ASC) { nodes { occurredAt kind text } } } }
    pageInfo { hasNextPage endCursor } } }""",
    "one": "query One($id: UUID!) { postmortem: postmortemByRowId(rowId: $id) { id: rowId status tier createdAt } }",
}
TEXTBOOK = {
    "items": """query Items($team: String!) {
  actionItems: openItems(team: $team, first: 50) {
    id title status effectivePriority dueOn risk riskDetail { reasons { code text } }
    ticket { key url status } postmortem { id status incident { title severity } } service { name } } }""",
    "postmortems": """query Postmortems($team: String!) {
  postmortems: teamPostmortems(team: $team, first: 10) {
    id status tier dueOn createdAt incident { title severity primaryService { name } } author { name }
    actionItems { id title status dueOn ticket { key url status } }
    timeline { occurredAt kind text } } }""",
    "one": "query One($id: ID!) { postmortem(id: $id) { id status tier createdAt } }",
}
_RANKS = {"urgent": 1, "high": 2, "medium": 3, "low": 4, **{f"p{n}": n for n in range(1, 6)}}


def comparable(value: Any) -> Any:
    """The answer without what the schemas name differently: lists of edges, ids, enums, ways to write an instant."""
    if isinstance(value, list):
        return [comparable(item) for item in value]
    if isinstance(value, str):
        return _comparable_text(value)
    if not isinstance(value, dict):
        return round(value, 9) if isinstance(value, float) else value
    if "edges" in value:
        return [comparable(edge["node"]) for edge in value["edges"]]
    if set(value) in ({"nodes"}, {"reasons"}):
        return comparable(next(iter(value.values())))
    return {name: comparable(inner) for name, inner in value.items()}


def _comparable_text(text: str) -> object:
    if text in ("P1", "P2", "P3", "P4", "P5") or (text.isupper() and text.replace("_", "").isalpha()):
        return _RANKS.get(text.lower(), text.lower())
    if len(text) > 18 and text[4:5] == "-" and "T" in text:
        return datetime.fromisoformat(text).timestamp()
    try:
        kind, found, id = base64.b64decode(text, validate=True).decode().partition(":")
    except (binascii.Error, UnicodeDecodeError, ValueError):
        return text
    return id if found and kind.isidentifier() else text
