"""A team's week as Markdown: a pure function from the digest."""

from app.domain.digests.model import Digest, Group, GroupName

TITLES = {
    GroupName.PREVENTED: "Prevented",
    GroupName.CLOSED: "Closed with evidence",
    GroupName.OVERDUE: "Overdue",
    GroupName.AT_RISK: "At risk",
    GroupName.PLANNING: "For planning",
}
ESCAPED = str.maketrans({char: f"\\{char}" for char in "\\`*_[]<>#|"})


def digest_markdown(digest: Digest) -> str:
    """What was achieved comes first."""
    title = f"# {_plain(digest.team or '')}: the week from {digest.starts_on}"
    parts = [_group(group) for group in digest.groups if group.total] or ["Nothing to report."]
    return "\n\n".join([title, *parts]) + "\n"


def _group(group: Group) -> str:
    lines = [f"## {TITLES[group.name]} ({group.total})", ""]
    for line in group.lines:
        owner = f" ({_plain(line.owner)})" if line.owner else ""
        lines.append(f"- [{_plain(line.title)}](/v1/action-items/{line.item_id}){owner}: {_plain(line.says)}")
    more = group.total - len(group.lines)
    return "\n".join([*lines, f"- … and {more} more"] if more else lines)


def _plain(text: str) -> str:
    return " ".join(text.split()).translate(ESCAPED)
