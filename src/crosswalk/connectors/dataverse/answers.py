"""The answer to each record's own request inside a batch, and what it means (facts/dataverse.md §4.2, §10)."""

import asyncio
from collections.abc import Sequence
from typing import Any

from crosswalk.connectors.dataverse.client import DataverseClient
from crosswalk.connectors.dataverse.description import Table
from crosswalk.connectors.dataverse.errors import FailedError, refusal
from crosswalk.connectors.dataverse.multipart import BatchItem, PartAnswer
from crosswalk.kit.http import Answer
from crosswalk.model.errors import CrosswalkError, RejectedError, UncertainError

FAILED_PAUSES = (1.0, 5.0)
"""Before a record's request that failed is sent again."""


async def answers_of(
    client: DataverseClient, parts: Sequence[BatchItem], table: Table, pauses: Sequence[float] = FAILED_PAUSES
) -> list[PartAnswer]:
    """The answer to each part of a batch. UncertainError when some are missing.

    A part answered with a failure of the server's (a deadlock, a plug-in that fell over) is sent again. That doubles nothing:
    a record is created under an id of our choice, and changing or deleting twice is the same as once.
    """
    answers = await _asked(client, parts, table)
    for pause in pauses:
        failed = [place for place, answer in enumerate(answers) if _has_failed(answer)]
        if not failed:
            break
        await asyncio.sleep(pause)
        try:
            again = await _asked(client, [parts[place] for place in failed], table)
        except RejectedError:
            break  # of this batch: the answers to the others stand
        for place, answer in zip(failed, again, strict=True):
            answers[place] = answer
    return answers


async def _asked(client: DataverseClient, parts: Sequence[BatchItem], table: Table) -> list[PartAnswer]:
    answers = await client.batch_of_described(parts)
    if len(answers) != len(parts):
        raise UncertainError(
            f"The answer to a $batch of {table.logical} lacks some of its parts.",
            "Whether they were carried out is settled by reading the destination.",
        )
    return answers


def _has_failed(answer: Answer) -> bool:
    return answer.status >= 500 and isinstance(refusal(answer, ""), FailedError)


def judged(answer: Answer, place: str, body: Any = None) -> CrosswalkError:
    """The error for one record's answer after `answers_of`: one that failed each time is refused, so that it does not hold up
    all others."""
    error = refusal(answer, place, body)
    if isinstance(error, FailedError):
        remedy = "Look at the plug-in trace log for what fails there; switch the plug-in off or correct the record, then run again."
        return RejectedError(error.message, "rejected", remedy)
    return error


def refused_alone(answer: Answer, place: str, body: Any) -> RejectedError:
    """The refusal of one record. Raises what is no refusal: credentials, failures that leave the outcome open."""
    error = judged(answer, place, body)
    if not isinstance(error, RejectedError):
        raise error
    return error
