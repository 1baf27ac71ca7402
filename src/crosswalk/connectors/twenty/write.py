"""Writing records: batches that store all or nothing, single changes, and destruction (facts/twenty.md §2 to §6)."""

from collections.abc import Mapping, Sequence
from typing import Any, cast

from crosswalk.connectors.twenty.client import READ_SIZE, TwentyClient, first_list
from crosswalk.connectors.twenty.describe import Description
from crosswalk.connectors.twenty.fields import Leaves
from crosswalk.connectors.twenty.read import is_twenty_id
from crosswalk.kit.http import json_body
from crosswalk.model.destination_schema import DestinationObject
from crosswalk.model.errors import RejectedError, UncertainError, UsageError
from crosswalk.model.record import Row, Write
from crosswalk.model.values import Values

BATCH_SIZE = 200
MAX_BODY_BYTES = 9_000_000
"""A body over 10 MB is answered with status 500 “request entity too large” (§4)."""
AUTHOR = "Crosswalk"


async def create(
    client: TwentyClient, description: Description, object_name: str, writes: Sequence[Write], marker: str
) -> list[Row]:
    """Create all or none; the rows as answered, in the order of `writes`.

    RejectedError `too_large` when the body would pass what Twenty takes: send fewer at once.
    """
    if len(writes) > BATCH_SIZE:
        raise RejectedError(f"Twenty takes {BATCH_SIZE} records at once, not {len(writes)}.", "too_large", "Send fewer at once.")
    if not writes:
        return []
    item = description.object(object_name)
    leaves = Leaves(item)
    payload = json_body([creation_body(item, leaves, write, marker) for write in writes], object_name)
    if len(payload) > MAX_BODY_BYTES:
        raise RejectedError(
            f"{len(writes)} {object_name} take {len(payload)} bytes, more than Twenty takes at once.",
            "too_large",
            "Send fewer at once; a single record this large must be shortened.",
        )
    content = await client.write("POST", f"/rest/batch/{object_name}", payload)
    answered = {str(record["id"]): record for record in first_list(content.get("data"))}
    missing = [write.id for write in writes if write.id.lower() not in answered]
    if missing:
        raise UncertainError(
            f"Twenty's answer to POST {object_name} lacks {len(missing)} of {len(writes)} records.",
            "Whether they were stored is settled by reading the destination.",
        )
    return [leaves.row(answered[write.id.lower()]) for write in writes]


def creation_body(item: DestinationObject, leaves: Leaves, write: Write, marker: str) -> dict[str, Any]:
    """The record to send: our id, the values that are there, and the run marker where the object keeps an author (§3)."""
    if not is_twenty_id(write.id):
        raise RejectedError(
            f"“{write.id}” cannot be a record's id in Twenty.", "validation", "Use UUIDs of version 1 to 5, as Crosswalk's own."
        )
    own = {path: value for path, value in write.values.items() if path != "id" and not path.startswith("createdBy.")}
    body = {"id": write.id, **leaves.unflatten(own, clear=False)}
    if item.field("createdBy.source") is not None:
        context = write.values.get("createdBy.context")
        body["createdBy"] = {
            "source": "IMPORT",
            "name": write.values.get("createdBy.name") or AUTHOR,
            "context": {**(cast(Mapping[str, Any], context) if isinstance(context, Mapping) else {}), "run": marker},
        }
    return body


async def update(client: TwentyClient, description: Description, object_name: str, write: Write) -> Row:
    """Change exactly the given leaves of one record, live or soft-deleted; None empties a leaf."""
    item = description.object(object_name)
    values: Values = {path: value for path, value in write.values.items() if path != "id"}
    leaves = Leaves(item)
    body = leaves.unflatten(values, clear=True)
    await _complete_phones(client, item, write.id, body)
    content = await client.write("PATCH", f"/rest/{object_name}/{write.id}", json_body(body, object_name))
    for record in cast(Mapping[str, Any], content["data"]).values():
        return leaves.row(record)
    raise UncertainError(f"Twenty's answer to PATCH {object_name} holds no record.", "Read the record to settle it.")


async def _complete_phones(client: TwentyClient, item: DestinationObject, identity: str, body: dict[str, Any]) -> None:
    """A national number without its country is refused (§6): the stored country is sent along with it."""
    lacking = [
        name
        for name, part in body.items()
        if isinstance(part, dict)
        and (number := cast(dict[str, Any], part).get("primaryPhoneNumber"))
        and not str(number).startswith("+")
        and not {"primaryPhoneCountryCode", "primaryPhoneCallingCode"} & set(cast(dict[str, Any], part))
    ]
    if not lacking:
        return
    async for page in client.records(item.name, f"id[eq]:{identity}"):
        held = Leaves(item).flatten(page[0])
        for name in lacking:
            for part in ("primaryPhoneCountryCode", "primaryPhoneCallingCode"):
                if held.get(f"{name}.{part}"):
                    body[name][part] = held[f"{name}.{part}"]


async def remove(client: TwentyClient, description: Description, object_name: str, ids: Sequence[str]) -> None:
    """Destroy for good, soft-deleted rows too; ids that do not exist are no error.

    By GraphQL, whose filter is a typed variable: a REST deletion that lost its filter would empty the object (§2).
    """
    if len(ids) > READ_SIZE:
        raise UsageError(f"At most {READ_SIZE} records can be removed at once, not {len(ids)}.", "Remove in slices.")
    item = description.object(object_name)
    wanted = [identity.lower() for identity in dict.fromkeys(ids) if is_twenty_id(identity)]
    destroyed: set[str] = set()
    for hidden in (False, True):
        remaining = [identity for identity in wanted if identity not in destroyed]
        if remaining:
            destroyed |= await _destroy(client, item, remaining, hidden)


async def _destroy(client: TwentyClient, item: DestinationObject, ids: list[str], hidden: bool) -> set[str]:
    """Destroy the live rows with these ids, or with `hidden` the soft-deleted; the ids destroyed."""
    verb = f"destroy{_capital(item.name)}"
    query = f"mutation Remove($filter: {_capital(item.singular)}FilterInput!) {{ {verb}(filter: $filter) {{ id }} }}"
    condition: dict[str, Any] = {"id": {"in": ids}}
    if hidden:
        condition["deletedAt"] = {"is": "NOT_NULL"}
    data = await client.mutate("/graphql", query, {"filter": condition})
    return {str(record["id"]) for record in cast(list[Mapping[str, Any]], data.get(verb) or [])}


def _capital(name: str) -> str:
    return name[:1].upper() + name[1:]
