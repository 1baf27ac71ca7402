"""Asking again: for an answer that got lost, for a platform that is not ready yet, for a change that does not show yet.

Each takes the pauses, in seconds, before its second and later attempts. Only what changes nothing, or what a refusal proves
was not carried out, may be asked again.
"""

import asyncio
from collections.abc import Awaitable, Callable, Collection, Sequence
from typing import TypeVar

from crosswalk.model.errors import RejectedError, UncertainError, UnreachableError

READ_PAUSES = (0.5, 1.0, 2.0, 4.0)
"""How long a lost read is given: a restarting server is back within seconds."""

Content = TypeVar("Content")


async def until_answered(
    ask: Callable[[], Awaitable[Content]], platform: str, place: str, pauses: Sequence[float] = READ_PAUSES
) -> Content:
    """What a read answers, asked again while it is lost (UncertainError). UnreachableError when it stays lost.

    `platform` and `place` (`GET people`) are for its words.
    """
    for pause in (*pauses, None):
        try:
            return await ask()
        except UncertainError as error:
            if pause is None:
                raise UnreachableError(
                    f"{platform} did not answer {place} ({len(pauses) + 1} times: {error.message})",
                    "Check that the server is up, then call again; reading changed nothing.",
                ) from error
            await asyncio.sleep(pause)
    raise AssertionError("unreachable")


async def until_accepted(ask: Callable[[], Awaitable[object]], reasons: Collection[str], pauses: Sequence[float]) -> None:
    """Ask until it is not refused for one of these reasons (codes of RejectedError) that time heals; the last refusal is raised."""
    for pause in (*pauses, None):
        try:
            await ask()
            return
        except RejectedError as error:
            if error.code not in reasons or pause is None:
                raise
            await asyncio.sleep(pause)


async def until_shown(
    read: Callable[[], Awaitable[Content]],
    shows: Callable[[Content], bool],
    change: str,
    lost: UncertainError | None,
    pauses: Sequence[float],
) -> Content:
    """The schema read back until it `shows` a change (named by its label). UncertainError when it does not.

    `lost` is the error of the change's request, when its answer did not come.
    """
    for pause in (*pauses, None):
        content = await read()
        if shows(content):
            return content
        if pause is not None:
            await asyncio.sleep(pause)
    raise UncertainError(
        f"{change} was sent, but the schema read back {len(pauses) + 1} times does not show it"
        + (f" ({lost.message})." if lost is not None else "."),
        "Call again: a change that is there by then counts as done.",
    )
