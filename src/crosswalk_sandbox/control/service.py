"""What an emulated service offers the control API, so that control knows no product."""

from collections.abc import Callable, Mapping
from typing import Any, Protocol

from .clock import MovableClock
from .faults import Faults
from .ledger import Ledger

Json = dict[str, Any]


class Service(Protocol):
    """One emulated service. A reset may replace what its properties give."""

    @property
    def ledger(self) -> Ledger: ...

    @property
    def faults(self) -> Faults: ...

    @property
    def clock(self) -> MovableClock: ...

    def reset(self) -> None:
        """Start over with what a new service holds."""

    def save(self) -> None:
        """Keep the state on disk, if it is kept."""

    def serve_at(self, url: str) -> None:
        """Know the own address."""

    def close(self) -> None:
        """Save and let go of what is open."""


class Controlled(Protocol):
    """What a test can do to one service. `verbs` and `reports` are looked up at every call, since a reset may replace what is
    behind them."""

    def dump(self, name: str | None) -> Mapping[str, list[Json]]:
        """All rows of one object, or of all that have any. Raises ValueError for a name that is no object's."""
        ...

    def verbs(self) -> Mapping[str, Callable[[Any], Json]]:
        """What can be posted: name to handler of the JSON body, which raises KeyError, ValueError or TypeError for a bad one."""
        ...

    def reports(self) -> Mapping[str, Callable[[], Any]]:
        """What can be read besides ledger, stats and dump."""
        ...
