"""Waiting for others' changes of definitions, and for keys (facts/dataverse.md §6.6, §6.8)."""

from collections.abc import Iterator
from typing import Any

import pytest

from crosswalk.connectors.dataverse.errors import NOT_YET
from crosswalk.connectors.dataverse.keys import KeyWaiter
from crosswalk.connectors.dataverse.locks import unlocked
from crosswalk.model.errors import RejectedError, UncertainError


class Refusing:
    """Refuses so many times."""

    def __init__(self, times: int, code: str = "locked") -> None:
        self.times, self.code, self.asked = times, code, 0

    async def ask(self) -> None:
        self.asked += 1
        if self.asked <= self.times:
            raise RejectedError("another operation is running", self.code)


@pytest.mark.parametrize(("times", "asked"), [(0, 1), (2, 3)])
async def test_a_lock_is_waited_for(times: int, asked: int) -> None:
    """A refusal for a lock carried nothing out, so the request is sent again."""
    there = Refusing(times)
    await unlocked(there.ask, (0.0, 0.0))
    assert there.asked == asked


@pytest.mark.parametrize(("times", "code", "asked"), [(9, "locked", 3), (1, "conflict", 1)])
async def test_a_lock_is_not_waited_for_for_ever(times: int, code: str, asked: int) -> None:
    """After the last pause, and for any other reason, the refusal is passed on."""
    there = Refusing(times, code)
    with pytest.raises(RejectedError):
        await unlocked(there.ask, (0.0, 0.0))
    assert there.asked == asked


async def test_what_was_created_a_moment_ago_is_waited_for() -> None:
    """A web server that does not know a new table yet refuses a column for it (§6.8)."""
    there = Refusing(1, "not_found")
    await unlocked(there.ask, (0.0,), NOT_YET)
    assert there.asked == 2


class Keys:
    """A table with one key whose status changes with every look."""

    def __init__(self, *statuses: str) -> None:
        self._statuses: Iterator[str] = iter(statuses)
        self.reactivated = 0

    async def read_metadata(self, path: str, query: Any) -> Any:
        key = {"LogicalName": "pulse_idkey", "KeyAttributes": ["pulse_id"], "EntityKeyIndexStatus": next(self._statuses)}
        return {"value": [{"KeyAttributes": ["other"]}, key]}

    async def write_metadata(self, method: str, path: str, body: Any) -> None:
        assert path == "ReactivateEntityKey" and body["EntityKeyLogicalName"] == "pulse_idkey"
        self.reactivated += 1


def waiter(keys: Keys, pauses: int = 9) -> KeyWaiter:
    return KeyWaiter(keys, [0.0] * pauses)  # type: ignore[arg-type]


async def test_a_key_is_waited_for() -> None:
    """Pending, in progress, active."""
    await waiter(Keys("Pending", "InProgress", "Active")).until_active("contact", "pulse_id")


async def test_a_failed_key_is_said() -> None:
    """Equal values stand in the way: nothing to wait for."""
    with pytest.raises(RejectedError) as refused:
        await waiter(Keys("Pending", "Failed")).until_active("contact", "pulse_id")
    assert refused.value.code == "duplicate"


async def test_a_key_that_had_failed_is_built_anew() -> None:
    """Once, and then it is judged as any other."""
    keys = Keys("Failed", "InProgress", "Active")
    await waiter(keys).until_active("contact", "pulse_id", failed=True)
    assert keys.reactivated == 1
    with pytest.raises(RejectedError):
        await waiter(Keys("Failed", "InProgress", "Failed")).until_active("contact", "pulse_id", failed=True)


async def test_an_index_that_takes_for_ever_is_uncertain() -> None:
    """It may be there tomorrow: call again."""
    with pytest.raises(UncertainError):
        await waiter(Keys(*["Pending"] * 9), 3).until_active("contact", "pulse_id")
