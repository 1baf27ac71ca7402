"""Waiting for alternate keys: their index is built in the background (facts/dataverse.md §6.6)."""

import asyncio
from collections.abc import Mapping, Sequence
from typing import Any, cast

from crosswalk.connectors.dataverse.addresses import definition_path
from crosswalk.connectors.dataverse.client import DataverseClient
from crosswalk.model.errors import RejectedError, UncertainError

PAUSES = (0.2, 0.5, 1.0, 2.0, *[5.0] * 12, *[10.0] * 54)
"""Ten minutes; on a new or small table the index takes seconds."""


class KeyWaiter:
    """Looks at a key until its index is Active."""

    def __init__(self, client: DataverseClient, pauses: Sequence[float] = PAUSES) -> None:
        self._client = client
        self._pauses = pauses

    async def until_active(self, table: str, column: str, failed: bool = False) -> None:
        """Wait for the key on `column`; `failed` asks for its index to be built anew first.

        RejectedError `duplicate` when the index cannot be built, UncertainError when it is not there in ten minutes.
        """
        for pause in (*self._pauses, None):
            key = await self._key(table, column)
            status = None if key is None else key.get("EntityKeyIndexStatus")
            if status == "Active":
                return
            if key is not None and status == "Failed":
                if not failed:
                    raise _cannot_be_built(table, column)
                failed = False
                body = {"EntityLogicalName": table, "EntityKeyLogicalName": key["LogicalName"]}
                await self._client.write_metadata("POST", "ReactivateEntityKey", body)
            if pause is not None:
                await asyncio.sleep(pause)
        raise UncertainError(
            f"The index of the key on {table}.{column} was not built in {sum(self._pauses) / 60:.0f} minutes.",
            "Call again; the progress stands in the maker portal under the table's keys.",
        )

    async def _key(self, table: str, column: str) -> Mapping[str, Any] | None:
        content = await self._client.read_metadata(
            f"{definition_path(table)}/Keys",
            {"$select": "LogicalName,KeyAttributes,EntityKeyIndexStatus"},
        )
        held = cast(list[Mapping[str, Any]], content["value"])
        return next((key for key in held if list(key.get("KeyAttributes") or ()) == [column]), None)


def _cannot_be_built(table: str, column: str) -> RejectedError:
    return RejectedError(
        f"The index of the key on {table}.{column} could not be built: rows hold the same value.",
        "duplicate",
        f"Make the values of {column} unique in Dataverse, then call again: the index is built anew.",
    )
