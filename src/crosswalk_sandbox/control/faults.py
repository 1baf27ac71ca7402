"""Scripted faults: the next matching requests fail in a chosen way."""

from dataclasses import dataclass
from typing import Any

KINDS = ("429", "500", "drop_before_commit", "drop_after_commit", "slow")


@dataclass(slots=True)
class Fault:
    """Let `after` matching requests pass, then hit `times` of them. `delay_ms` is for slow."""

    kind: str
    method: str | None = None
    path_prefix: str | None = None
    after: int = 0
    times: int = 1
    delay_ms: int = 0
    hit: int = 0

    def matches(self, method: str, path: str) -> bool:
        return (self.method is None or self.method == method) and path.startswith(self.path_prefix or "")


def make_fault(data: dict[str, Any]) -> Fault:
    """A fault from its JSON. Raises ValueError with what is wrong."""
    match: dict[str, Any] = data.get("match") or {}
    kind = str(data.get("kind"))
    if kind not in KINDS:
        raise ValueError(f"kind must be one of {', '.join(KINDS)}, not {kind}")
    times = data.get("times", 1)
    return Fault(
        kind, match.get("method"), match.get("path_prefix"), int(data.get("after", 0)), int(times), int(data.get("delay_ms", 0))
    )


class Faults:
    """The queue: the first scripted fault that is due for a request hits it."""

    def __init__(self) -> None:
        self.queue: list[Fault] = []

    def take(self, method: str, path: str) -> Fault | None:
        due: Fault | None = None
        for fault in self.queue:
            if not fault.matches(method, path) or fault.hit >= fault.times:
                continue
            if fault.after > 0:
                fault.after -= 1
            elif due is None:
                due = fault
        if due is not None:
            due.hit += 1
        return due
