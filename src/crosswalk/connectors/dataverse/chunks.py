"""Cutting records into requests: of a size that is learned, several under way at once (facts/dataverse.md §4.5, §5.3)."""

import asyncio
import time
from collections.abc import Awaitable, Callable, Sequence
from typing import TypeVar

from crosswalk.connectors.dataverse.client import DataverseClient
from crosswalk.connectors.dataverse.multipart import MOST_PARTS
from crosswalk.kit.paging import slices
from crosswalk.model.errors import UncertainError
from crosswalk.model.record import Write

Item = TypeVar("Item")

FIRST_SIZE, LEAST_SIZE, MOST_SIZE = 100, 10, MOST_PARTS
"""Records in a request: documented to start with, then learned; a `$batch` holds no more (§4.1, §4.5)."""
QUICK_SECONDS, SLOW_SECONDS = 2.0, 20.0
"""Answers quicker than this allow twice as many records, slower ones half; a request is given up after two to four minutes."""
MOST_BYTES = 8_000_000
"""Of one request; the platform gives up at 116 MB when plug-ins are registered (§4.5)."""


class ChunkSize:
    """How many records to send at once, learned from how long they took."""

    def __init__(self, first: int = FIRST_SIZE) -> None:
        self.size = first
        self._most = MOST_SIZE

    def took(self, records: int, seconds: float) -> None:
        """An answer came: `records` were carried out in `seconds`."""
        if seconds > SLOW_SECONDS:
            self.size = max(LEAST_SIZE, min(self.size, records) // 2)
        elif seconds < QUICK_SECONDS and records >= self.size:
            self.size = min(self._most, self.size * 2)

    def lost(self) -> None:
        """No answer came in time: fewer from now on, and never again more than were lost."""
        self._most = self.size
        self.size = max(LEAST_SIZE, self.size // 2)


def weight(write: Write) -> int:
    """About how many bytes a record takes on the wire; a document inside it is not counted."""
    return 500 + sum(len(value) if isinstance(value, str) else 20 for value in write.values.values())


async def in_chunks(
    client: DataverseClient,
    items: Sequence[Item],
    chunk_size: ChunkSize,
    weigh: Callable[[Item], int],
    send: Callable[[Sequence[Item]], Awaitable[None]],
) -> None:
    """Send all items in chunks, as many at once as the organisation recommends.

    All chunks are brought to an end before an error is raised: an uncertain one first, since the others may be stored.
    """
    at_once = max(1, client.concurrency)
    most = min(chunk_size.size, max(FIRST_SIZE, -(-len(items) // at_once)))
    doors = asyncio.Semaphore(at_once)

    async def one(chunk: Sequence[Item]) -> None:
        async with doors:
            waited, started = client.traffic().waited_seconds, time.monotonic()
            try:
                await send(chunk)
            except UncertainError:
                chunk_size.lost()
                raise
            if client.traffic().waited_seconds == waited:  # a wait for the limits says nothing about the size
                chunk_size.took(len(chunk), time.monotonic() - started)

    sent = [one(chunk) for chunk in slices(items, most, MOST_BYTES, weigh)]
    errors = [error for error in await asyncio.gather(*sent, return_exceptions=True) if error is not None]
    if errors:
        raise next((error for error in errors if isinstance(error, UncertainError)), errors[0])
