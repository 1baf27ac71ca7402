"""The sandbox's own time, which a test may move."""

import time
from abc import ABC, abstractmethod


class MovableClock(ABC):
    """The machine's time plus `offset` seconds."""

    def __init__(self) -> None:
        self.offset = 0.0

    def seconds(self) -> float:
        """Seconds since 1970."""
        return time.time() + self.offset

    @abstractmethod
    def now(self) -> str:
        """The time as the service shows it."""
