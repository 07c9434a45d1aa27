"""Identifiers: UUIDv7, made by the application, so that ids sort by time on every PostgreSQL."""

import os
import time
from uuid import UUID


def new_id() -> UUID:
    """A UUIDv7 (RFC 9562 §5.7): Unix milliseconds, 12 bits of their fraction (§6.2, method 3), then random bits.

    The fraction keeps what one transaction makes in its order, such as the events of one change.
    """
    milliseconds, rest = divmod(time.time_ns(), 1_000_000)
    value = milliseconds << 80 | (rest * 4096 // 1_000_000) << 64 | int.from_bytes(os.urandom(8))
    value = value & ~(0xF << 76) | 0x7 << 76
    value = value & ~(0x3 << 62) | 0x2 << 62
    return UUID(int=value)
