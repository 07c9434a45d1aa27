"""What a GraphQL request carries: who asks, the ports, and loaders that live as long as the request."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from graphql import DocumentNode

from app.api.graphql.loaders import Loaders
from app.domain.access import Caller
from app.domain.ports import Ports


@dataclass(slots=True)
class Context:
    """One request. `document` is parsed and validated already."""

    ports: Ports
    caller: Caller
    document: DocumentNode
    variables: Mapping[str, object] = field(default_factory=dict)
    loaders: Loaders = field(init=False)

    def __post_init__(self) -> None:
        self.forget()

    def forget(self) -> None:
        """Read anew from here on: something was written."""
        self.loaders = Loaders(self.ports.reads, self.caller)
