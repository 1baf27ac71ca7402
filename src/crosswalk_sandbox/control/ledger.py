"""Every request that the sandbox answered, for tests that ask what really went over the wire."""

from dataclasses import asdict, dataclass, field
from typing import Any


@dataclass(slots=True)
class Written:
    """What a request wrote: the object, and the ids.

    For a request that holds several also the method that wrote each id, the addresses that its GETs asked for, and the
    statuses of refused parts.
    """

    object: str | None = None
    ids: list[str] = field(default_factory=list[str])
    methods: list[str] = field(default_factory=list[str])
    reads: list[str] = field(default_factory=list[str])
    refusals: list[int] = field(default_factory=list[int])


@dataclass(slots=True)
class Entry:
    """One request. `repeated` says that an earlier request wrote the same ids of the same object with the same verb.

    For a request that holds several, `methods` has the verb of each id, `reads` what it asked for, and `refusals` the status of
    each part that was refused; they are empty for any other.
    """

    seq: int
    time: str
    method: str
    path: str
    status: int
    object: str | None = None
    ids: list[str] = field(default_factory=list[str])
    methods: list[str] = field(default_factory=list[str])
    reads: list[str] = field(default_factory=list[str])
    refusals: list[int] = field(default_factory=list[int])
    fault: str | None = None
    repeated: bool = False


class Ledger:
    """Requests in order; the ids of the newest `keep` are held, counts of all."""

    def __init__(self, keep: int = 50_000) -> None:
        self.keep = keep
        self.entries: list[Entry] = []
        self.requests = 0
        self.refused = 0
        self._seen: set[int] = set()

    def record(self, entry: Entry) -> None:
        self.requests += 1
        self.refused += entry.status == 429
        if entry.ids and entry.method != "GET":
            mark = hash((entry.method, entry.object, tuple(entry.ids), tuple(entry.methods)))
            entry.repeated = mark in self._seen
            self._seen.add(mark)
        self.entries.append(entry)
        if len(self.entries) > self.keep * 2:
            del self.entries[: self.keep]

    def since(self, seq: int) -> list[dict[str, Any]]:
        """The entries with a higher sequence number."""
        return [asdict(entry) for entry in self.entries if entry.seq > seq]
