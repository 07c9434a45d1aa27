"""The GraphQL documents that are sent to Linear; a test validates each against its schema."""

_TICKET = """
fragment Ticket on Issue {
  id identifier url title description priority dueDate updatedAt archivedAt autoArchivedAt trashed
  state { id name type }
  assignee { id }
  team { id }
  cycle { id number name endsAt completedAt }
}
"""

TEAM = """
query Team($filter: TeamFilter!) {
  teams(first: 1, filter: $filter) {
    nodes { id key archivedAt states(first: 100) { nodes { id name type position } } }
  }
}
"""

LABELS = """
query Labels($filter: IssueLabelFilter!) {
  issueLabels(first: 100, filter: $filter) { nodes { id name team { id } } }
}
"""

USER = """
query User($email: String!) {
  users(first: 2, filter: {email: {eqIgnoreCase: $email}, active: {eq: true}}) { nodes { id } }
}
"""

ISSUE = "query Issue($id: String!) { issue(id: $id) { ...Ticket } }" + _TICKET

COMMENTS = """
query Comments($id: String!, $filter: CommentFilter!) {
  issue(id: $id) { comments(first: 1, filter: $filter) { nodes { id } } }
}
"""

CHANGED = (
    """
query Changed($filter: IssueFilter!, $after: String) {
  issues(first: 50, after: $after, filter: $filter, orderBy: updatedAt, includeArchived: true) {
    nodes { ...Ticket }
    pageInfo { hasNextPage endCursor }
  }
}
"""
    + _TICKET
)

CREATE = "mutation Create($input: IssueCreateInput!) { issueCreate(input: $input) { success issue { id } } }"

UPDATE = """
mutation Update($id: String!, $input: IssueUpdateInput!) { issueUpdate(id: $id, input: $input) { success } }
"""

ATTACH = "mutation Attach($input: AttachmentCreateInput!) { attachmentCreate(input: $input) { success } }"

COMMENT = "mutation Comment($input: CommentCreateInput!) { commentCreate(input: $input) { success } }"
