"""Going through pages, and cutting long questions into slices a request can carry."""

from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Generic, TypeVar

from crosswalk.model.errors import UnreachableError

Item = TypeVar("Item")


@dataclass(frozen=True, slots=True)
class Page(Generic[Item]):
    """One page, and the cursor of the next; None ends."""

    items: Sequence[Item]
    next_cursor: str | None = None


async def pages(ask: Callable[[str | None], Awaitable[Page[Item]]]) -> AsyncIterator[Sequence[Item]]:
    """Every page that has items, in order. A cursor that comes twice would never end: UnreachableError instead."""
    cursor: str | None = None
    seen: set[str] = set()
    while True:
        page = await ask(cursor)
        if page.items:
            yield page.items
        if page.next_cursor is None:
            return
        if page.next_cursor in seen:
            raise UnreachableError(
                "The destination's paging goes in circles: the same cursor came twice.",
                "Call again; if it stays, report the platform's version.",
            )
        seen.add(page.next_cursor)
        cursor = page.next_cursor


def slices(values: Sequence[Item], most: int, room: int, size: Callable[[Item], int]) -> Iterator[Sequence[Item]]:
    """Cut `values`, in order, into runs of at most `most` items and `room` in total size.

    A single item larger than `room` still gets a run of its own.

    >>> [list(run) for run in slices(["aa", "b", "cccc", "d"], 3, 4, len)]
    [['aa', 'b'], ['cccc'], ['d']]
    """
    start, used = 0, 0
    for position, value in enumerate(values):
        needed = size(value)
        if position > start and (position - start >= most or used + needed > room):
            yield values[start:position]
            start, used = position, 0
        used += needed
    if start < len(values):
        yield values[start:]
