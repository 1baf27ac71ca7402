"""Reading records: pages, by id, by value, by reference; soft-deleted rows are asked for apart (facts/twenty.md §2)."""

from collections.abc import AsyncIterator, Iterator, Mapping, Sequence
from typing import Any
from urllib.parse import quote
from uuid import RFC_4122, UUID

from crosswalk.connectors.twenty.client import READ_SIZE, TwentyClient, next_cursor
from crosswalk.connectors.twenty.describe import Description
from crosswalk.connectors.twenty.expected import expected
from crosswalk.connectors.twenty.fields import Leaves
from crosswalk.kit.paging import slices
from crosswalk.model.destination_schema import DestinationField, DestinationObject
from crosswalk.model.errors import UsageError
from crosswalk.model.record import Row, User

DELETED = "deletedAt[is]:NOT_NULL"
"""Soft-deleted rows are hidden unless a filter mentions deletedAt, at any depth (§2)."""
_ALL = "or(deletedAt[is]:NULL,deletedAt[is]:NOT_NULL)"
_ALL_TREE: Mapping[str, Any] = {"or": [{"deletedAt": {"is": "NULL"}}, {"deletedAt": {"is": "NOT_NULL"}}]}
_FILTER_ROOM = 12_000
"""Percent-encoded bytes of a filter's values: 380 ids (15 kB of address) were accepted (§2)."""
_UNQUOTED = frozenset({"id", "reference", "integer", "decimal", "boolean", "date", "datetime", "option"})
_ODD = frozenset("\"'\\[](),\n\r")
"""Characters that REST's filter grammar splits or counts even inside quotes: such values are asked for by GraphQL."""


async def read_rows(
    client: TwentyClient, description: Description, object_name: str, deleted: bool
) -> AsyncIterator[Sequence[Row]]:
    """Every live, or every soft-deleted, row in pages of 200, by ascending id."""
    leaves = Leaves(description.object(object_name))
    async for page in client.records(object_name, DELETED if deleted else None):
        yield [leaves.row(record) for record in page]


async def fetch(client: TwentyClient, description: Description, object_name: str, ids: Sequence[str]) -> list[Row]:
    """The rows with these ids, live and soft-deleted, in one request."""
    if len(ids) > READ_SIZE:
        raise UsageError(f"At most {READ_SIZE} ids can be fetched at once, not {len(ids)}.", "Ask in slices.")
    leaves = Leaves(description.object(object_name))
    wanted = [identity.lower() for identity in dict.fromkeys(ids) if is_twenty_id(identity)]
    if not wanted:
        return []
    condition = f"and({_ALL},id[in]:[{','.join(wanted)}])"
    return [leaves.row(record) async for page in client.records(object_name, condition) for record in page]


def is_twenty_id(text: str) -> bool:
    """Only UUID versions 1 to 5 with the RFC variant can be ids in Twenty; asking for others is refused (§3)."""
    try:
        identity = UUID(text)
    except ValueError:
        return False
    return identity.variant == RFC_4122 and identity.version in {1, 2, 3, 4, 5}


async def find(client: TwentyClient, description: Description, object_name: str, path: str, values: Sequence[str]) -> list[Row]:
    """The rows, live and soft-deleted, whose field equals one of the values as Twenty would have stored them."""
    item = description.object(object_name)
    field = item.field(path)
    if field is None:
        raise UsageError(f"Twenty's {object_name} has no field “{path}”.", "Correct the mapping's `match`.")
    wanted = list(dict.fromkeys(stored for value in values if (stored := _searchable(field, value)) is not None))
    leaves = Leaves(item)
    found: dict[str, Row] = {}
    for condition in conditions(field, [value for value in wanted if not _ODD & set(value)]):
        async for page in client.records(object_name, condition):
            found.update((str(record["id"]), leaves.row(record)) for record in page)
    odd = await _ids_by_graphql(client, item, path, [value for value in wanted if _ODD & set(value)])
    for part in slices([identity for identity in odd if identity not in found], READ_SIZE, READ_SIZE, lambda _: 1):
        found.update((held.id, held) for held in await fetch(client, description, object_name, part))
    return list(found.values())


def conditions(field: DestinationField, values: Sequence[str]) -> Iterator[str]:
    """REST filters that together ask for all values, live and soft-deleted, each short enough for an address."""
    quotation = "" if field.type in _UNQUOTED else '"'
    for part in slices(values, READ_SIZE, _FILTER_ROOM, lambda value: len(quote(f"{quotation}{value}{quotation},", safe=""))):
        listed = ",".join(f"{quotation}{value}{quotation}" for value in part)
        yield f"and({_ALL},{field.path}[in]:[{listed}])"


async def _ids_by_graphql(client: TwentyClient, item: DestinationObject, path: str, values: Sequence[str]) -> list[str]:
    """Ids of the rows whose field equals one of the values, which travel as variables and need no quoting."""
    kind = f"{item.singular[:1].upper()}{item.singular[1:]}FilterInput"
    query = f"""query Find($filter: {kind}!, $after: String) {{
      {item.name}(filter: $filter, first: {READ_SIZE}, after: $after) {{
        edges {{ node {{ id }} }} pageInfo {{ hasNextPage endCursor }}
      }}
    }}"""
    ids: list[str] = []
    for part in slices(values, READ_SIZE, READ_SIZE, lambda _: 1):
        tree: Any = {"in": list(part)}
        for name in reversed(path.split(".")):
            tree = {name: tree}
        after: str | None = None
        while True:
            variables = {"filter": {"and": [tree, _ALL_TREE]}, "after": after}
            listing = (await client.query("/graphql", query, variables))[item.name]
            ids.extend(str(edge["node"]["id"]) for edge in listing["edges"])
            after = next_cursor(listing)
            if after is None:
                break
    return ids


def _searchable(field: DestinationField, value: str) -> str | None:
    stored = expected(field, value).value
    if not isinstance(stored, str):
        return None
    if field.type in {"id", "reference"} and not is_twenty_id(stored):
        return None
    return stored


async def referring(client: TwentyClient, description: Description, object_name: str, path: str) -> list[tuple[str, str]]:
    """(row id, referenced id) of every live row whose reference is filled."""
    field = description.object(object_name).field(path)
    if field is None or field.type != "reference":
        raise UsageError(f"“{path}” is no reference of Twenty's {object_name}.", "Name the reference's leaf, as `companyId`.")
    pairs: list[tuple[str, str]] = []
    async for page in client.records(object_name, f"{path}[is]:NOT_NULL"):
        pairs.extend((str(record["id"]), str(record[path])) for record in page)
    return pairs


async def users(client: TwentyClient) -> list[User]:
    """Every workspace member, removed ones as inactive. A member exists once the invitation is accepted (§6)."""
    members: list[User] = []
    async for page in client.records("workspaceMembers", _ALL):
        for record in page:
            name: dict[str, str | None] = record.get("name") or {}
            full = f"{name.get('firstName') or ''} {name.get('lastName') or ''}".strip()
            email = str(record.get("userEmail") or "").lower()
            members.append(User(str(record["id"]), email, full, active=record.get("deletedAt") is None))
    return members
