"""Rows are prepared in a thread while the ones before are sent."""

import asyncio
import time
from collections.abc import Generator

import pytest

from crosswalk.stages._load_job import ahead


def numbers(ended: list[int]) -> Generator[int, None, None]:
    """One, two, three, each after a while; notes how far it came when it is closed."""
    last = 0
    try:
        for last in (1, 2, 3):
            time.sleep(0.05)
            yield last
    finally:
        ended.append(last)


async def test_all_items_come_in_order() -> None:
    """And the generator is closed behind them."""
    ended: list[int] = []
    async with ahead(numbers(ended)) as items:
        assert [item async for item in items] == [1, 2, 3]
    assert ended == [3]


async def test_an_error_leaves_no_thread_in_the_items() -> None:
    """What the items read from, a database connection, may be closed at once behind the block."""
    ended: list[int] = []
    with pytest.raises(ZeroDivisionError):
        async with ahead(numbers(ended)) as items:
            async for item in items:
                _ = 1 / (item - 1)
    assert ended == [2]


async def test_a_person_who_stops_it_leaves_no_thread_in_the_items_either() -> None:
    """Cancelled while the next item is being prepared: the preparation is waited for."""
    ended: list[int] = []

    async def work() -> None:
        async with ahead(numbers(ended)) as items:
            async for _ in items:
                pass

    task = asyncio.ensure_future(work())
    await asyncio.sleep(0.02)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert ended == [1]
