"""Waiting until every web server knows what was just defined: definitions are eventually consistent (facts/dataverse.md §6.8).

We keep no affinity cookie, so that a request may reach a server whose memory of the definitions is older than our last change.
It takes a table or a column that is described for unknown, and carries nothing out. Such requests are sent again, with the
header that makes a server look the definitions up.
"""

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import replace

from crosswalk.connectors.dataverse.errors import UNKNOWN, refusal
from crosswalk.connectors.dataverse.multipart import BatchItem, Changeset, PartAnswer
from crosswalk.kit.http import Answer
from crosswalk.model.errors import RejectedError

PAUSES = (1.0, 3.0, 10.0, 20.0)
"""About as long as Microsoft's own client looks for a new column (§6.8)."""
STRONG: Mapping[str, str] = {"Consistency": "Strong"}


def is_unknown(answer: Answer) -> bool:
    """Whether an answer says that a table or a column does not exist."""
    if not 400 <= answer.status < 500:
        return False
    error = refusal(answer, "")
    return isinstance(error, RejectedError) and error.code in UNKNOWN


class Settling:
    """Patience with servers that do not know yet; used up when something stays unknown, back with the next change."""

    def __init__(self, pauses: Sequence[float] = PAUSES) -> None:
        self._all = tuple(pauses)
        self._pauses = self._all

    def expect(self) -> None:
        """Definitions are being changed."""
        self._pauses = self._all

    async def one(self, ask: Callable[[Mapping[str, str]], Awaitable[Answer]]) -> Answer:
        """The answer of a request about what is described; `ask` sends it with the given headers."""
        answer = await ask({})
        for pause in self._pauses:
            if not is_unknown(answer):
                return answer
            await asyncio.sleep(pause)
            answer = await ask(STRONG)
        self._weary(is_unknown(answer))
        return answer

    async def many(
        self, items: Sequence[BatchItem], ask: Callable[[Sequence[BatchItem]], Awaitable[list[PartAnswer]]]
    ) -> list[PartAnswer]:
        """The answers of a batch's items; those that were taken for unknown are asked again. Fewer answers than items when
        the server gave fewer."""
        answers = await ask(items)
        late = _late(answers)
        for pause in self._pauses:
            if not late:
                return answers
            await asyncio.sleep(pause)
            again = await ask([_strong(items[place]) for place in late])
            if len(again) != len(late):
                return again
            for place, answer in zip(late, again, strict=True):
                answers[place] = answer
            late = _late(answers)
        self._weary(bool(late))
        return answers

    def _weary(self, in_vain: bool) -> None:
        if in_vain:
            self._pauses = ()


def _late(answers: Sequence[Answer]) -> list[int]:
    return [place for place, answer in enumerate(answers) if is_unknown(answer)]


def _strong(item: BatchItem) -> BatchItem:
    if isinstance(item, Changeset):
        return Changeset([replace(part, headers={**part.headers, **STRONG}) for part in item.parts])
    return replace(item, headers={**item.headers, **STRONG})
