"""The publisher and the solution that what we create belongs to (facts/dataverse.md §6.1); gone again when nothing is left."""

from collections.abc import Collection
from dataclasses import dataclass
from typing import Any, cast
from uuid import NAMESPACE_URL, uuid5
from zlib import crc32

from crosswalk.connectors.dataverse.client import DataverseClient
from crosswalk.connectors.dataverse.description import ENGLISH
from crosswalk.model.errors import RejectedError, UncertainError

VERSION = "1.0.0.0"
TABLE_COMPONENT = 1
"""solutioncomponent.componenttype of a table; a column we add drags the table it is added to into the solution."""
_OPTIONS_PER_PREFIX = 10_000
_LOWEST_OPTION_PREFIX, _OPTION_PREFIXES = 10_000, 90_000
"""Option prefixes have five digits."""


@dataclass(frozen=True, slots=True)
class Solution:
    """Where new components go."""

    unique_name: str
    first_option: int
    """The publisher's first option value (§6.3)."""

    @property
    def header(self) -> dict[str, str]:
        """Puts what a request creates into the solution."""
        return {"MSCRM.SolutionUniqueName": self.unique_name}


class Solutions:
    """The solutions of one organisation by publisher prefix; found or created on first use."""

    def __init__(self, client: DataverseClient) -> None:
        self._client = client
        self._known: dict[str, Solution] = {}
        self._language: int | None = None

    async def language(self) -> int:
        """The base language, in which labels must be given."""
        if self._language is None:
            rows = await self._rows("organizations", "languagecode")
            self._language = int(rows[0].get("languagecode") or ENGLISH) if rows else ENGLISH
        return self._language

    async def of(self, prefix: str) -> Solution:
        """Our solution for names with this prefix, under whatever publisher owns the prefix."""
        if prefix not in self._known:
            publisher = await self._publisher(prefix)
            name = solution_name(prefix)
            if not await self._rows("solutions", "solutionid", f"uniquename eq '{name}'"):
                await self._create_solution(name, prefix, str(publisher["publisherid"]))
            first = int(publisher["customizationoptionvalueprefix"]) * _OPTIONS_PER_PREFIX
            self._known[prefix] = Solution(name, first)
        return self._known[prefix]

    async def clear(self, prefix: str, custom_tables: Collection[str]) -> None:
        """Delete our solution when it holds nothing of ours any more, then the publisher if we made it and nobody uses it.

        `custom_tables`: the metadata ids of the custom tables there are. A standard table in the solution only says that it
        once had a column of ours.
        """
        name = solution_name(prefix)
        held = await self._rows("solutioncomponents", "componenttype,objectid", f"solutionid/uniquename eq '{name}'")
        if any(component["componenttype"] != TABLE_COMPONENT or component["objectid"] in custom_tables for component in held):
            return
        for solution in await self._rows("solutions", "solutionid", f"uniquename eq '{name}'"):
            await self._delete(f"solutions({solution['solutionid']})")
        self._known.pop(prefix, None)
        for publisher in await self._rows("publishers", "publisherid", f"uniquename eq '{publisher_name(prefix)}'"):
            identity = str(publisher["publisherid"])
            if not await self._rows("solutions", "solutionid", f"_publisherid_value eq {identity}"):
                await self._delete(f"publishers({identity})")

    async def _publisher(self, prefix: str) -> dict[str, Any]:
        columns = "publisherid,uniquename,customizationprefix,customizationoptionvalueprefix"
        found = await self._rows("publishers", columns, f"customizationprefix eq '{prefix}'")
        if found:
            return found[0]
        name = publisher_name(prefix)
        publisher = {
            "publisherid": _identity(name),
            "uniquename": name,
            "friendlyname": f"Crosswalk ({prefix})",
            "description": "Owns the tables and columns that Crosswalk created for a migration.",
            "customizationprefix": prefix,
            "customizationoptionvalueprefix": _LOWEST_OPTION_PREFIX + crc32(prefix.encode()) % _OPTION_PREFIXES,
        }
        await self._create("publishers", publisher)
        return publisher

    async def _create_solution(self, name: str, prefix: str, publisher: str) -> None:
        solution = {
            "solutionid": _identity(name),
            "uniquename": name,
            "friendlyname": f"Crosswalk ({prefix})",
            "description": "What Crosswalk created for a migration.",
            "version": VERSION,
            "publisherid@odata.bind": f"/publishers({publisher})",
        }
        await self._create("solutions", solution)

    async def _create(self, entity_set: str, row: dict[str, Any]) -> None:
        """Under an id of our own, so that a repetition after a lost answer meets itself."""
        try:
            await self._client.write_metadata("POST", entity_set, row)
        except UncertainError:
            await self._create_again(entity_set, row)

    async def _create_again(self, entity_set: str, row: dict[str, Any]) -> None:
        try:
            await self._client.write_metadata("POST", entity_set, row)
        except RejectedError as error:
            if error.code != "duplicate":
                raise

    async def _delete(self, path: str) -> None:
        try:
            await self._client.write_metadata("DELETE", path)
        except RejectedError as error:
            if error.code != "not_found":
                raise

    async def _rows(self, entity_set: str, columns: str, condition: str | None = None) -> list[dict[str, Any]]:
        query = {"$select": columns, **({"$filter": condition} if condition else {})}
        content = await self._client.read_metadata(entity_set, query)
        return cast(list[dict[str, Any]], content["value"])


def publisher_name(prefix: str) -> str:
    """The unique name by which we know a publisher as made by us."""
    return f"crosswalk{prefix}"


def solution_name(prefix: str) -> str:
    """The unique name of our solution."""
    return f"Crosswalk_{prefix}"


def _identity(name: str) -> str:
    return str(uuid5(NAMESPACE_URL, f"crosswalk:{name}"))
