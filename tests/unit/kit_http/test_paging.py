"""Pages to their end, and slices a request can carry."""

from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from crosswalk.kit.paging import Page, pages, slices
from crosswalk.model.errors import UnreachableError


@given(st.lists(st.lists(st.integers(), max_size=3), min_size=1, max_size=6))
async def test_every_item_comes_once_in_order(content: list[list[int]]) -> None:
    """Law: following the cursors gives all items of all pages; empty pages in between do not end it."""

    async def ask(cursor: str | None) -> Page[int]:
        at = int(cursor or 0)
        return Page(content[at], str(at + 1) if at + 1 < len(content) else None)

    seen = [item async for page in pages(ask) for item in page]
    assert seen == [item for page in content for item in page]


async def test_a_cursor_that_repeats_is_an_error() -> None:
    """Going in circles is said, not followed."""

    async def ask(cursor: str | None) -> Page[int]:
        return Page([1], "same")

    with pytest.raises(UnreachableError, match="circles"):
        async for _ in pages(ask):
            pass


@given(st.lists(st.text(max_size=12)), st.integers(1, 5), st.integers(1, 20))
def test_slices_lose_nothing_and_fit(values: list[str], most: int, room: int) -> None:
    """Law: together the slices are the values; each fits, unless a single value does not."""
    parts: list[Sequence[str]] = list(slices(values, most, room, len))
    assert [value for part in parts for value in part] == values
    for part in parts:
        assert 0 < len(part) <= most
        assert sum(map(len, part)) <= room or len(part) == 1
