"""Reading records: pages, by id, by value, by reference; soft-deleted rows are asked for apart (facts/twenty.md §2)."""

from collections.abc import AsyncIterator, Iterator, Sequence
from urllib.parse import quote
from uuid import RFC_4122, UUID

from crosswalk.connectors.twenty.client import READ_SIZE, TwentyClient
from crosswalk.connectors.twenty.describe import Description
from crosswalk.connectors.twenty.expected import expected
from crosswalk.connectors.twenty.fields import row, rows
from crosswalk.kit.paging import slices
from crosswalk.model.destination_schema import DestinationField
from crosswalk.model.errors import UsageError
from crosswalk.model.record import Row, User

DELETED = "deletedAt[is]:NOT_NULL"
"""Soft-deleted rows are hidden unless a filter mentions deletedAt (§2)."""
_FILTER_ROOM = 12_000
"""Percent-encoded bytes of a filter's values: 380 ids (15 kB of address) were accepted (§2)."""
_UNQUOTED = frozenset({"id", "reference", "integer", "decimal", "boolean", "date", "datetime", "option"})
_ONE_AT_A_TIME = frozenset('"\\[](),')
"""Inside quotes these are literal (§2), but a list of quoted texts that hold them was never tried."""


async def read_rows(
    client: TwentyClient, description: Description, object_name: str, deleted: bool
) -> AsyncIterator[Sequence[Row]]:
    """Every live, or every soft-deleted, row in pages of 200, by ascending id."""
    item = description.object(object_name)
    async for page in client.records(object_name, DELETED if deleted else None):
        yield rows(item, page)


async def fetch(client: TwentyClient, description: Description, object_name: str, ids: Sequence[str]) -> list[Row]:
    """The rows with these ids, live first; soft-deleted ones are asked for only when some are missing."""
    if len(ids) > READ_SIZE:
        raise UsageError(f"At most {READ_SIZE} ids can be fetched at once, not {len(ids)}.", "Ask in slices.")
    item = description.object(object_name)
    wanted = [identity.lower() for identity in dict.fromkeys(ids) if is_twenty_id(identity)]
    found: list[Row] = []
    for extra in ("", f",{DELETED}"):
        known = {held.id for held in found}
        missing = [identity for identity in wanted if identity not in known]
        if missing:
            async for page in client.records(object_name, f"id[in]:[{','.join(missing)}]{extra}"):
                found.extend(rows(item, page))
    return found


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
    found: dict[str, Row] = {}
    for condition in conditions(field, values):
        for extra in ("", f",{DELETED}"):
            async for page in client.records(object_name, condition + extra):
                found.update((str(record["id"]), row(item, record)) for record in page)
    return list(found.values())


def conditions(field: DestinationField, values: Sequence[str]) -> Iterator[str]:
    """Filters that together ask for all values, each short enough for an address.

    A value with a line break cannot be asked for (§2) and is left out, as are values no field of the type can hold.
    """
    wanted = list(dict.fromkeys(stored for value in values if (stored := _searchable(field, value)) is not None))
    quotation = "" if field.type in _UNQUOTED else '"'
    plain = [value for value in wanted if not _ONE_AT_A_TIME & set(value)]
    for part in slices(plain, READ_SIZE, _FILTER_ROOM, lambda value: len(quote(f"{quotation}{value}{quotation},", safe=""))):
        yield f"{field.path}[in]:[{','.join(f'{quotation}{value}{quotation}' for value in part)}]"
    for value in wanted:
        if _ONE_AT_A_TIME & set(value):
            yield f'{field.path}[eq]:"{value}"'


def _searchable(field: DestinationField, value: str) -> str | None:
    stored = expected(field, value).value
    if not isinstance(stored, str) or "\n" in stored or "\r" in stored:
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
    """Every workspace member. A member exists once the invitation is accepted (§6)."""
    members: list[User] = []
    async for page in client.records("workspaceMembers"):
        for record in page:
            name: dict[str, str | None] = record.get("name") or {}
            full = f"{name.get('firstName') or ''} {name.get('lastName') or ''}".strip()
            email = str(record.get("userEmail") or "").lower()
            members.append(User(str(record["id"]), email, full, active=record.get("deletedAt") is None))
    return members
