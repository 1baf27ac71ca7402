"""The parties of an activity as they stand (facts/dataverse.md §3.8): replaced as a list, a change sends the others again."""

from collections.abc import Collection, Mapping, Sequence
from typing import Any, cast

from crosswalk.connectors.dataverse.client import DataverseClient
from crosswalk.connectors.dataverse.description import Description, Raw, Table
from crosswalk.connectors.dataverse.leaves import TARGET, Leaves
from crosswalk.connectors.dataverse.read import fill_parties, matching_records
from crosswalk.model.errors import RejectedError

_REGARDING, _OWNER = 8, 9
"""Parties that the platform keeps itself, by the activity's own columns."""
_UNRESOLVED = "unresolvedaddress"
"""What somebody without a record may be said to be; only the address stands for them."""


async def standing_parties(client: DataverseClient, leaves: Leaves, ids: Sequence[str]) -> dict[str, list[Raw]]:
    """All parties of the activities with these ids, by lower-case id: those that no leaf stands for, too."""
    table = leaves.table
    query = {
        "$select": table.primary_id,
        "$expand": f"{table.party_list}($select=_partyid_value,participationtypemask,addressused)",
    }
    conditions = [f"{table.primary_id} eq {identity}" for identity in ids]
    found: dict[str, list[Raw]] = {}
    async for record in matching_records(client, table, query, conditions):
        await fill_parties(client, leaves, record)
        found[str(record[table.primary_id]).lower()] = list(cast(list[Raw], record.get(str(table.party_list)) or []))
    return found


def sent_again(description: Description, table: Table, held: Sequence[Raw], named: Collection[str]) -> list[dict[str, Any]]:
    """The standing parties that a change of the leaves `named` leaves alone, as a request has them.

    Guests without a record go by their address, rooms and queues by their id. RejectedError when one of them cannot be said:
    a change must not take it away.
    """
    replaced = {(party.mask, party.target) for path, party in table.parties.items() if path in named}
    parties: list[dict[str, Any]] = []
    for party in held:
        mask, target = party.get("participationtypemask"), party.get(f"_partyid_value{TARGET}")
        if mask in (_REGARDING, _OWNER) or (mask, target) in replaced:
            continue
        parties.append({**_who(description, table, party, target), "participationtypemask": mask})
    return parties


def _who(description: Description, table: Table, party: Raw, target: str | None) -> Mapping[str, Any]:
    identity, address = party.get("_partyid_value"), party.get("addressused")
    if (not identity or target == _UNRESOLVED) and address:
        return {"addressused": address}
    known = next((item for item in table.parties.values() if item.target == target), None)
    entity_set = known.entity_set if known else description.entity_sets.get(target or "")
    if not identity or not target or not entity_set:
        raise RejectedError(
            f"An activity of {table.logical} has a party that cannot be sent again, and a change of its parties would remove it.",
            "validation",
            "Change the parties of this record in Dynamics by hand.",
        )
    return {f"{known.navigation if known else f'partyid_{target}'}@odata.bind": f"/{entity_set}({identity})"}
