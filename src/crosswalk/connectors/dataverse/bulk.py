"""Messages for many records of a table (facts/dataverse.md §4.3, §4.4): who takes them, and how many records at once."""

from collections.abc import Sequence

from crosswalk.connectors.dataverse.chunks import ChunkSize
from crosswalk.connectors.dataverse.client import DataverseClient
from crosswalk.connectors.dataverse.description import Table
from crosswalk.connectors.dataverse.errors import FailedError

CREATE_MULTIPLE, UPDATE_MULTIPLE = "CreateMultiple", "UpdateMultiple"
_MOST_FAILURES = 3


class BulkMessages:
    """What the tables of one organisation take, learned for as long as the connection lasts."""

    def __init__(self, client: DataverseClient) -> None:
        self._client = client
        self._offers: dict[tuple[str, str], bool] = {}
        self._failures: dict[tuple[str, str], int] = {}
        self._sizes: dict[tuple[str, str], ChunkSize] = {}

    def size(self, table: Table, message: str) -> ChunkSize:
        """How many records of a table to put into such a request."""
        return self._sizes.setdefault((table.logical, message), ChunkSize())

    async def offers(self, table: Table, message: str) -> bool:
        """Whether the server takes CreateMultiple or UpdateMultiple for this table (§4.4)."""
        known = self._offers.get((table.logical, message))
        if known is None:
            condition = f"sdkmessageid/name eq '{message}' and primaryobjecttypecode eq '{table.logical}'"
            query = {"$select": "sdkmessagefilterid", "$filter": condition}
            known = bool((await self._client.read("sdkmessagefilters", query))["value"])
            self._offers[table.logical, message] = known
        return known

    def withdraw(self, table: Table, message: str) -> None:
        """The message was refused for what was accepted one by one: do not try it again."""
        self._offers[table.logical, message] = False

    async def send(self, table: Table, message: str, bodies: Sequence[bytes]) -> None:
        """CreateMultiple or UpdateMultiple of these records (encoded objects), all or nothing (§4.3).

        FailedError when the server failed at it, for which all its records may suffer: it is tried a few times and no more.
        """
        kind = f'{{"@odata.type":"Microsoft.Dynamics.CRM.{table.logical}",'.encode()
        payload = b'{"Targets":[' + b",".join(kind + body[1:] for body in bodies) + b"]}"
        try:
            await self._client.write("POST", f"{table.entity_set}/Microsoft.Dynamics.CRM.{message}", payload)
        except FailedError:
            self._failed(table, message)
            raise

    def _failed(self, table: Table, message: str) -> None:
        key = table.logical, message
        self._failures[key] = self._failures.get(key, 0) + 1
        if self._failures[key] >= _MOST_FAILURES:
            self.withdraw(table, message)
