"""Waiting while the organisation's definitions are being changed, or not known everywhere yet (facts/dataverse.md §6.8)."""

from collections.abc import Awaitable, Callable, Collection, Sequence

from crosswalk.connectors.dataverse.errors import LOCKED
from crosswalk.kit.retry import until_accepted

LOCK_PAUSES = (1.0, 2.0, 5.0, 10.0, 20.0, 20.0)


async def unlocked(
    ask: Callable[[], Awaitable[object]], pauses: Sequence[float] = LOCK_PAUSES, reasons: Collection[str] = LOCKED
) -> None:
    """Ask until no other change of definitions is under way; a refusal for such a reason carried nothing out."""
    await until_accepted(ask, reasons, pauses)
