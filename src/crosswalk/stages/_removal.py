"""Removing rows for good, journaled: shared by load (rows the map no longer holds) and rollback."""

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass

from crosswalk.model.errors import RejectedError, UncertainError, UnreachableError
from crosswalk.spi.destination import Destination
from crosswalk.stages._settlement import fetched
from crosswalk.store.entries import Intent, Outcome
from crosswalk.store.journal import Journal

UNCERTAIN_LIMIT = 20
LONGEST_PAUSE = 5.0


@dataclass(frozen=True, slots=True)
class Remover:
    """Removes rows of one run, at most `read_size` in a request."""

    destination: Destination
    journal: Journal
    run: int
    sleep: Callable[[float], Awaitable[None]] = asyncio.sleep

    async def remove(self, intents: Sequence[Intent]) -> dict[str, Outcome]:
        """Remove the rows of these intents (all of one object); the outcome by destination id: removed, or kept with the
        destination's words. Raises UnreachableError: the open batch is settled by the next run."""
        outcomes: dict[str, Outcome] = {}
        queue = deque(self._sized(intents))
        streak = 0
        while queue:
            part = queue.popleft()
            batch = await self.journal.open_batch(self.run, part)
            try:
                await self.destination.remove(part[0].object, [intent.destination_id for intent in part])
                ended, streak = [Outcome("removed")] * len(part), 0
            except RejectedError as refusal:
                ended, streak = self._refused(part, refusal, queue), 0
            except UncertainError as error:
                streak += 1
                ended = await self._uncertain(part, error, streak, queue)
            await self.journal.close_batch(batch, ended)
            outcomes |= {intent.destination_id: outcome for intent, outcome in zip(part, ended, strict=True)}
        return outcomes

    def _sized(self, intents: Sequence[Intent]) -> list[Sequence[Intent]]:
        size = self.destination.capabilities.read_size
        return [intents[start : start + size] for start in range(0, len(intents), size)]

    def _refused(self, part: Sequence[Intent], refusal: RejectedError, queue: deque[Sequence[Intent]]) -> list[Outcome]:
        if len(part) == 1:
            return [Outcome("kept", message=f"{refusal.code}: {refusal.message}")]
        middle = len(part) // 2
        queue.extendleft((part[middle:], part[:middle]))
        return [Outcome("failed", message="refused as a whole; tried again in halves")] * len(part)

    async def _uncertain(
        self, part: Sequence[Intent], error: UncertainError, streak: int, queue: deque[Sequence[Intent]]
    ) -> list[Outcome]:
        if streak > UNCERTAIN_LIMIT:
            raise UnreachableError(
                f"{UNCERTAIN_LIMIT} removals in a row got no clear answer (last: {error.message})",
                "Nothing is lost: see to the destination, then call the same command again.",
            ) from error
        await self.sleep(min(LONGEST_PAUSE, 0.1 * 2**streak))
        standing = await fetched(self.destination, part[0].object, [intent.destination_id for intent in part])
        if rest := [intent for intent in part if intent.destination_id in standing]:
            queue.appendleft(rest)
        return [
            Outcome("failed", message="not carried out") if intent.destination_id in standing else Outcome("removed")
            for intent in part
        ]
