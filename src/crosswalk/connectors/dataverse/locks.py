"""Waiting while somebody else changes the organisation's definitions (facts/dataverse.md §6.8)."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence

from crosswalk.model.errors import RejectedError

LOCK_PAUSES = (1.0, 2.0, 5.0, 10.0, 20.0, 20.0)


async def unlocked(ask: Callable[[], Awaitable[object]], pauses: Sequence[float] = LOCK_PAUSES) -> None:
    """Ask until no other change of definitions is under way; a refusal for that reason carried nothing out."""
    for pause in (*pauses, None):
        try:
            await ask()
            return
        except RejectedError as error:
            if error.code != "locked" or pause is None:
                raise
            await asyncio.sleep(pause)
