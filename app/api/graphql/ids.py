"""Global ids as Relay makes them: base64 of `Type:uuid`. Wherever an id is asked for, the bare UUID does too."""

import base64
import binascii
from uuid import UUID

from app.domain.errors import Invalid


def global_id(type_name: str, id: object) -> str:
    """The id of a record among all types."""
    return base64.b64encode(f"{type_name}:{id}".encode()).decode()


def split_id(text: str) -> tuple[str | None, UUID]:
    """The type's name (None for a bare UUID) and the record's own id. Raises Invalid."""
    try:
        return None, UUID(text)
    except ValueError:
        pass
    try:
        name, _, id = base64.b64decode(text, validate=True).decode().partition(":")
        return name, UUID(id)
    except (binascii.Error, ValueError) as error:
        raise Invalid("This is not an id of ours.") from error


def own_id(text: str, type_name: str | None = None) -> UUID:
    """The record's own id. Raises Invalid, also for the id of another type than `type_name`."""
    name, id = split_id(text)
    if type_name is not None and name not in (None, type_name):
        raise Invalid(f"This is the id of a {name}, not of a {type_name}.")
    return id
