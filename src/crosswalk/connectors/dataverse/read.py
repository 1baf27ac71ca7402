"""Reading rows: pages, by id, by value, by reference; and the people who can own them (facts/dataverse.md §7, §8).

There are no soft-deleted rows: what the recycle bin holds can only be asked for in FetchXML, and blocks nothing (§0.12).
"""

import re
from collections.abc import AsyncIterator, Container, Iterator, Mapping, Sequence
from datetime import date
from decimal import Decimal, InvalidOperation
from typing import Any, cast
from urllib.parse import quote
from uuid import UUID

from crosswalk.connectors.dataverse.addresses import with_query
from crosswalk.connectors.dataverse.client import PAGE_SIZE, DataverseClient, page_preferences
from crosswalk.connectors.dataverse.description import Description, Lookup, Raw, Table
from crosswalk.connectors.dataverse.errors import refusal
from crosswalk.connectors.dataverse.expected import expected
from crosswalk.connectors.dataverse.fields import TEAM
from crosswalk.connectors.dataverse.leaves import TARGET, Leaves
from crosswalk.kit.paging import slices
from crosswalk.model.destination_schema import DestinationField
from crosswalk.model.errors import RejectedError, UsageError
from crosswalk.model.record import Row, User
from crosswalk.model.values import decimal_text, referred_ids

_CELLS_A_PAGE = 400_000
"""Rows times columns of a page, so that wide tables do not answer with tens of megabytes at once."""
_SMALLEST_PAGE = 500
_CONDITIONS = 100
"""Of one filter; a query takes no more than some hundreds, joined in one chain."""
_FILTER_ROOM = 12_000
"""Percent-encoded bytes of one filter; addresses within a batch may have 64 KB (§4.1)."""
_PEOPLE = frozenset({0, 1, 2})
"""Access modes of users who log in: read-write, administrative, read (§7)."""
_PRIVILEGE = re.compile(r"\bprvRead\w+")
_NOT_FILTERED = frozenset({"file", "options", "json", "other", "rich_text"})


async def read_rows(client: DataverseClient, description: Description, table_name: str) -> AsyncIterator[Sequence[Row]]:
    """Every row in pages, by ascending id: stable while rows change."""
    leaves = Leaves(description, table_name)
    query = {**leaves.query(), "$orderby": leaves.table.primary_id}
    size = max(_SMALLEST_PAGE, min(PAGE_SIZE, _CELLS_A_PAGE // max(query["$select"].count(","), 1)))
    async for page in client.rows(leaves.table.entity_set, query, size):
        yield [await _row(client, leaves, record) for record in page]


async def _row(client: DataverseClient, leaves: Leaves, record: dict[str, Any]) -> Row:
    await fill_parties(client, leaves, record)
    return leaves.row(record)


async def fill_parties(client: DataverseClient, leaves: Leaves, record: dict[str, Any]) -> None:
    """Put the parties into a record that its answer may only point to."""
    link = leaves.missing_parties(record)
    if link is not None:
        held = cast(list[Raw], record.setdefault(str(leaves.table.party_list), []))
        async for page in client.linked_rows(link):
            held.extend(page)


async def fetch(client: DataverseClient, description: Description, table_name: str, ids: Sequence[str]) -> list[Row]:
    """The rows with these ids, in one request; those that do not exist are absent."""
    leaves = Leaves(description, table_name)
    wanted = [identity.lower() for identity in dict.fromkeys(ids) if _is_guid(identity)]
    conditions = [f"{leaves.table.primary_id} eq {identity}" for identity in wanted]
    return [row async for row in _matching(client, leaves, conditions)]


async def find(client: DataverseClient, description: Description, table_name: str, path: str, values: Sequence[str]) -> list[Row]:
    """The rows whose leaf equals one of the values as they would be stored, or holds it among several; texts are equal whatever
    their case (§8)."""
    leaves = Leaves(description, table_name)
    field = description.object(table_name).field(path)
    if field is None or field.type in _NOT_FILTERED:
        raise UsageError(f"Dataverse's {table_name} has no field “{path}” to search by.", "Correct the mapping's `match`.")
    literals = dict.fromkeys(literal for value in values if (literal := _literal(leaves.table, field, value)) is not None)
    property_name, pattern = _asked_as(leaves.table, path)
    found: dict[str, Row] = {}
    async for row in _matching(client, leaves, [f"{property_name} eq {literal}" for literal in literals], pattern):
        if field.type != "reference" or _points_to(row, path, literals):
            found[row.id] = row
    return list(found.values())


def _points_to(row: Row, path: str, ids: Container[str]) -> bool:
    """Whether a row's reference holds one of the ids: a filter knows the id only, the leaf the table and the part as well."""
    return any(referenced.removeprefix(TEAM) in ids for _, referenced in _pairs(row, path))


async def _matching(client: DataverseClient, leaves: Leaves, conditions: Sequence[str], pattern: str = "{}") -> AsyncIterator[Row]:
    async for record in matching_records(client, leaves.table, leaves.query(), conditions, pattern):
        yield await _row(client, leaves, record)


async def matching_records(
    client: DataverseClient, table: Table, query: Mapping[str, str], conditions: Sequence[str], pattern: str = "{}"
) -> AsyncIterator[dict[str, Any]]:
    """The records that meet one of the conditions, put into a filter of this pattern: a few filters in as few batches as it
    takes."""
    paths = [
        with_query(table.entity_set, {**query, "$filter": pattern.format(" or ".join(run))})
        for run in slices(conditions, _CONDITIONS, _FILTER_ROOM, lambda condition: len(quote(condition)) + 8)
    ]
    for answer in await client.read_many(paths, {"Prefer": page_preferences()}, described=True):
        if not answer.ok:
            raise refusal(answer, f"GET {table.entity_set}")
        content = cast(Raw, answer.json())
        for record in cast(list[dict[str, Any]], content["value"]):
            yield record
        link = content.get("@odata.nextLink")
        if link:
            async for page in client.linked_rows(str(link)):
                for record in page:
                    yield record


def _asked_as(table: Table, path: str) -> tuple[str, str]:
    """What a filter calls a leaf, and the pattern of the filter: lookups by their value (§8), parties by a lambda operator over
    the activity's own (Microsoft's page “Filter rows using OData”; §3.8)."""
    party, lookup = table.parties.get(path), table.lookups.get(path)
    if party is not None:
        part = f"party/participationtypemask eq {party.mask}"
        return "party/_partyid_value", f"{table.party_list}/any(party:({{}}) and {part})"
    return (path if lookup is None else lookup.value_name), "{}"


def _literal(table: Table, field: DestinationField, value: str) -> str | None:
    """A value as a filter writes it, or None when no row can hold it."""
    stored = expected(field, value).value
    if stored is None:
        return None
    text = str(stored).removeprefix(TEAM)
    kind = field.type
    if kind in {"id", "reference"}:
        return str(UUID(text)) if _is_guid(text) else None
    if kind == "option":
        number = table.options(field.path).values.get(text)
        return None if number is None else str(number)
    if kind == "boolean":
        return text.lower() if text.lower() in {"true", "false"} else None
    if kind in {"integer", "decimal", "money"}:
        return _number(text)
    if kind in {"date", "datetime"}:
        return _moment(text)
    return "'" + text.replace("'", "''") + "'"


def _number(text: str) -> str | None:
    try:
        number = Decimal(text)
    except InvalidOperation:
        return None
    return decimal_text(number) if number.is_finite() else None


def _moment(text: str) -> str | None:
    try:
        date.fromisoformat(text[:10])
    except ValueError:
        return None
    return text


def _is_guid(text: str) -> bool:
    try:
        UUID(text)
    except ValueError:
        return False
    return True


async def referring(client: DataverseClient, description: Description, table_name: str, path: str) -> list[tuple[str, str]]:
    """(row id, referenced id) of every row whose reference is filled. RejectedError `permission` for a table that our role may
    not read: its rows may refer to ours all the same."""
    table = description.table(table_name)
    lookup = table.lookups.get(path)
    if lookup is None and path not in table.parties:
        raise UsageError(f"“{path}” is no reference of Dataverse's {table_name}.", "Name the reference's leaf.")
    try:
        if lookup is not None:
            return await _pointing(client, table, lookup)
        return [pair async for page in read_rows(client, description, table_name) for row in page for pair in _pairs(row, path)]
    except RejectedError as error:
        if error.code != "permission":
            raise
        raise _unseen(table_name, error) from error


async def _pointing(client: DataverseClient, table: Table, lookup: Lookup) -> list[tuple[str, str]]:
    name = lookup.value_name
    query = {"$select": f"{table.primary_id},{name}", "$filter": f"{name} ne null", "$orderby": table.primary_id}
    pairs: list[tuple[str, str]] = []
    async for page in client.rows(table.entity_set, query):
        for record in page:
            target = record.get(name + TARGET)
            if target == lookup.target or (target is None and not lookup.polymorphic):
                pairs.append((str(record[table.primary_id]), str(record[name])))
    return pairs


def _pairs(row: Row, path: str) -> Iterator[tuple[str, str]]:
    """(row id, referenced id) of a reference that may hold several."""
    for identity in referred_ids(row.values.get(path)):
        yield row.id, identity


def _unseen(table_name: str, error: RejectedError) -> RejectedError:
    """The refusal to read a table that may refer to others; Dataverse's words name the privilege, which is not always called
    after the table (prvReadActivity, prvReadNote)."""
    missing = _PRIVILEGE.search(error.message)
    return RejectedError(
        f"Our application user may not read Dataverse's {table_name} ({missing[0] if missing else 'a privilege is missing'}): "
        "whether its rows refer to ours is not known.",
        "permission",
        f"Give its security role the right to read {table_name} in the whole organisation, in the Power Platform admin center; "
        "then call again.",
    )


async def users(client: DataverseClient) -> list[User]:
    """Everybody who logs in, by internalemailaddress and, where nobody active has that address, by domainname (§7).

    A user whose two addresses differ is listed under both. Disabled ones and those without a licence, who cannot own records
    (§3.7), are listed as inactive; application users and the platform's own cannot be owners of a person's records and are
    left out.
    """
    columns = "systemuserid,fullname,internalemailaddress,domainname,isdisabled,islicensed,accessmode,applicationid"
    query = {"$select": columns, "$orderby": "systemuserid", "$filter": "applicationid eq null"}
    people = [record async for page in client.rows("systemusers", query) for record in page if _is_person(record)]
    listed = [user for record in people if (user := _user(record, "internalemailaddress")).email]
    taken = {user.email for user in listed if user.active}
    by_domain = (user for record in people if (user := _user(record, "domainname")).email and user.email not in taken)
    return list(dict.fromkeys([*listed, *by_domain]))


def _is_person(record: Mapping[str, Any]) -> bool:
    return record.get("applicationid") is None and int(record.get("accessmode") or 0) in _PEOPLE


def _user(record: Mapping[str, Any], column: str) -> User:
    email = str(record.get(column) or "").strip().lower()
    active = not record.get("isdisabled") and record.get("islicensed") is not False
    return User(str(record["systemuserid"]), email, str(record.get("fullname") or ""), active=active)
