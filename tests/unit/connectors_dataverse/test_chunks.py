"""Cutting records into requests, side by side (facts/dataverse.md §4.5, §5.3)."""

import asyncio
from collections.abc import Sequence
from types import SimpleNamespace
from typing import Any

import pytest

from crosswalk.connectors.dataverse.chunks import LEAST_SIZE, MOST_BYTES, MOST_SIZE, ChunkSize, in_chunks
from crosswalk.model.errors import RejectedError, UncertainError


def client(concurrency: int = 4) -> Any:
    return SimpleNamespace(concurrency=concurrency, traffic=lambda: SimpleNamespace(waited_seconds=0.0))


@pytest.mark.parametrize(
    ("start", "took", "size"),
    [
        (100, [(100, 0.5)], 200),
        (100, [(40, 0.5)], 100),
        (100, [(100, 5.0)], 100),
        (100, [(100, 30.0)], 50),
        (900, [(900, 0.1), (1000, 0.1)], MOST_SIZE),
        (12, [(12, 99.0), (6, 99.0)], LEAST_SIZE),
    ],
)
def test_the_size_is_learned(start: int, took: list[tuple[int, float]], size: int) -> None:
    """Quick answers to full requests double it, slow ones halve it, within bounds."""
    learned = ChunkSize(start)
    for records, seconds in took:
        learned.took(records, seconds)
    assert learned.size == size


async def test_all_is_sent_once_and_no_more_at_once_than_recommended() -> None:
    """Every item goes out in exactly one chunk."""
    sent: list[int] = []
    under_way = most = 0

    async def send(chunk: Sequence[int]) -> None:
        nonlocal under_way, most
        under_way += 1
        most = max(most, under_way)
        await asyncio.sleep(0)
        sent.extend(chunk)
        under_way -= 1

    await in_chunks(client(3), range(1000), ChunkSize(), lambda _: 1, send)
    assert sorted(sent) == list(range(1000)) and most == 3


async def test_heavy_records_travel_alone() -> None:
    """A chunk holds no more bytes than a request may."""
    chunks: list[int] = []

    async def send(chunk: Sequence[int]) -> None:
        chunks.append(len(chunk))

    await in_chunks(client(), range(6), ChunkSize(), lambda _: MOST_BYTES // 2, send)
    assert chunks == [2, 2, 2]


async def test_an_uncertain_chunk_comes_before_refusals_and_after_the_others() -> None:
    """All chunks end before an error is raised; the uncertain one is what matters, and the size shrinks."""
    ended: list[int] = []

    async def send(chunk: Sequence[int]) -> None:
        await asyncio.sleep(0)
        if 0 in chunk:
            raise RejectedError("no")
        if 150 in chunk:
            raise UncertainError("lost")
        ended.append(len(chunk))

    size = ChunkSize()
    with pytest.raises(UncertainError):
        await in_chunks(client(2), range(400), size, lambda _: 1, send)
    assert sum(ended) == 200 and size.size <= 100
