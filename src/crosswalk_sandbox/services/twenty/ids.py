"""Ids and clock of the emulated workspace: stable ids for what ships with it, random ones for what is created."""

import os
import re
import uuid
from datetime import UTC, datetime
from functools import cache

from crosswalk_sandbox.control.clock import MovableClock

NAMESPACE = uuid.UUID("7d0c2f0e-7a51-4d0e-9b4c-2f2b1f7f9f10")

# facts/twenty.md §3: versions 1 to 5 with the RFC variant; v7, v8 and nil are refused.
UUID_PATTERN = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-[1-5][0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}", re.IGNORECASE)
LOOSE_UUID = re.compile(r"[0-9a-f]{8}-(?:[0-9a-f]{4}-){3}[0-9a-f]{12}", re.IGNORECASE)


@cache
def stable_id(*names: str) -> str:
    """The same id for the same names in every run, so that a restarted sandbox is the same workspace."""
    return str(uuid.uuid5(NAMESPACE, "/".join(names)))


def new_id() -> str:
    """A random version 4 UUID as text; cheaper than uuid.uuid4, since batches make hundreds."""
    raw = bytearray(os.urandom(16))
    raw[6] = raw[6] & 0x0F | 0x40
    raw[8] = raw[8] & 0x3F | 0x80
    text = raw.hex()
    return f"{text[:8]}-{text[8:12]}-{text[12:16]}-{text[16:20]}-{text[20:]}"


def is_uuid(value: object) -> bool:
    """Whether the server takes the value as an id (facts/twenty.md §3)."""
    return isinstance(value, str) and UUID_PATTERN.fullmatch(value) is not None


class Clock(MovableClock):
    """The workspace's time."""

    def now(self) -> str:
        """The current moment as the server writes it: UTC with milliseconds and Z."""
        return iso(self.seconds())


def iso(seconds: float) -> str:
    moment = datetime.fromtimestamp(seconds, UTC)
    return f"{moment:%Y-%m-%dT%H:%M:%S}.{moment.microsecond // 1000:03d}Z"
