"""The sandbox's own time, which a test may move, and ids that are the same in every run."""

import uuid
from datetime import UTC, datetime

from crosswalk_sandbox.control.clock import MovableClock

NAMESPACE = uuid.UUID("5d0a4d0e-6d0e-5d8e-9f31-dd365ca1e500")


def stable_id(*names: str) -> str:
    """A GUID that depends on the names alone, so that two sandboxes agree about what was there before."""
    return str(uuid.uuid5(NAMESPACE, "/".join(names)))


def new_id() -> str:
    return str(uuid.uuid4())


class Clock(MovableClock):
    """The organisation's time."""

    def now(self) -> str:
        """The time as the platform shows it: whole seconds, UTC, `2026-11-21T09:00:00Z`."""
        return datetime.fromtimestamp(self.seconds(), UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
