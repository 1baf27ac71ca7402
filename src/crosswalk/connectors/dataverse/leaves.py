"""A table's leaves with their places in a row: bodies to send, rows as answered (facts/dataverse.md §3.4, §3.8)."""

from collections.abc import Mapping
from typing import Any, cast
from uuid import UUID

from crosswalk.connectors.dataverse.description import DOCUMENT, MARKER_COLUMN, NOTE, Description, Lookup, Party, Table
from crosswalk.connectors.dataverse.fields import OVERRIDDEN_CREATED_ON, TEAM, decoder, encode, read_instant
from crosswalk.model.destination_schema import DestinationField
from crosswalk.model.errors import RejectedError
from crosswalk.model.record import Actor, Row
from crosswalk.model.values import Value, Values

TARGET = "@Microsoft.Dynamics.CRM.lookuplogicalname"
"""The annotation that names the table a lookup's value points to."""
_LINK = "@odata.nextLink"
_PAGING = "$skiptoken"


class Leaves:
    """What one table's rows look like, worked out once for many rows."""

    def __init__(self, description: Description, table_name: str) -> None:
        self._description = description
        self.table: Table = description.table(table_name)
        self._fields: Mapping[str, DestinationField] = {field.path: field for field in description.object(table_name).fields}
        self._document = DOCUMENT if table_name == NOTE else None
        self._plain = [
            (path, decoder(field.type, self.table.options(path)))
            for path, field in self._fields.items()
            if path in self.table.columns and path not in self.table.lookups and path != self._document
        ]
        self._pointers = [(path, lookup.value_name, lookup) for path, lookup in self.table.lookups.items()]

    def query(self) -> dict[str, str]:
        """`$select` of everything the leaves need, and `$expand` of an activity's parties."""
        names = {path for path, _ in self._plain} | {name for _, name, _ in self._pointers}
        for stamp in ("createdby", "modifiedby"):
            if stamp in self.table.columns:
                names.add(f"_{stamp}_value")
        if self._document is not None:
            names |= {"filename", "filesize"}
        query = {"$select": ",".join(sorted(names))}
        if self.table.party_list is not None:
            query["$expand"] = f"{self.table.party_list}($select=_partyid_value,participationtypemask)"
        return query

    def unflatten(self, values: Values, *, clear: bool) -> dict[str, Any]:
        """Leaf values as a request body. None is left out, or with `clear` (an update) sent as what empties the column.

        The id is left out: it is not a value but the row's address; and a document, which files.py sends, its name with its
        bytes: a note that bears the name of a document is not to be taken for one that has it. RejectedError for a leaf that
        the table does not have or that cannot be written.
        """
        body: dict[str, Any] = {}
        parties: list[dict[str, Any]] = []
        touched = False
        # A column that can point to several tables points to one of them: emptying the other ways would undo it.
        bound = {lookup.column for path, lookup in self.table.lookups.items() if values.get(path) is not None}
        for path, value in values.items():
            if path == self.table.primary_id:
                continue
            field, lookup, party = self._writable(path, clear), self.table.lookups.get(path), self.table.parties.get(path)
            if party is not None:
                touched = True
                parties += _parties(party, value)
            elif value is None and (not clear or (lookup is not None and lookup.column in bound)):
                continue
            elif lookup is not None:
                body[f"{lookup.navigation}@odata.bind"] = None if value is None else self._address(lookup, str(value))
            else:
                self._put(body, field, value)
        if parties or (touched and clear):
            body[str(self.table.party_list)] = parties
        return body

    def _writable(self, path: str, clear: bool) -> DestinationField:
        field = self._fields.get(path)
        if field is None or not field.writable:
            raise RejectedError(
                f"Dataverse's {self.table.logical} has no writable field “{path}”.",
                "unknown_field",
                "Apply the schema plan, then try again.",
            )
        if clear and not field.on_update:
            raise RejectedError(
                f"Dataverse takes {self.table.logical}'s {path} only when it creates a record.",
                "validation",
                "Keep the record as it is, or roll back and run again.",  # facts/dataverse.md §3.6
            )
        return field

    def _put(self, body: dict[str, Any], field: DestinationField, value: Value) -> None:
        if field.path == self._document:
            if value is None:
                body |= {"filename": None, field.path: None}
        else:
            # createdon is written through another column, which swaps places with it (§3.6).
            name = OVERRIDDEN_CREATED_ON if field.path == "createdon" else field.path
            body[name] = None if value is None else encode(field, self.table.columns[field.path], value)

    def _address(self, lookup: Lookup, identity: str) -> str:
        entity_set = lookup.entity_set
        if lookup.path == "ownerid" and identity.startswith(TEAM):
            entity_set, identity = self._description.entity_sets.get("team", "teams"), identity.removeprefix(TEAM)
        return f"/{entity_set}({_guid(identity, lookup.path)})"

    def flatten(self, record: Mapping[str, Any]) -> Values:
        """Every leaf the record answers, canonical."""
        values: Values = {}
        for path, decoded in self._plain:
            if path in record:
                wire = record[path]
                values[path] = None if wire is None or wire == "" else decoded(wire)
        for path, name, lookup in self._pointers:
            if name in record:
                identity = record[name]
                values[path] = None if identity is None else _pointed(lookup, identity, record.get(name + TARGET))
        if self._document is not None and "filename" in record:
            name, size = record["filename"], int(record.get("filesize") or 0)
            # A document without bytes is none: its name may stand before it has arrived (§9).
            values[self._document] = [{"name": name, "size": size}] if name and size else None
        if self.table.party_list in record:
            held = cast(list[Mapping[str, Any]], record[str(self.table.party_list)])
            values.update((path, _invited(party, held)) for path, party in self.table.parties.items())
        return values

    def missing_parties(self, record: Mapping[str, Any]) -> str | None:
        """The link to parties that the server did not put into its answer, or None.

        A link stands beside every expanded collection. Without paging data it answers what is there already, from the
        beginning (Microsoft's page “Multi-level $expand with collection-valued navigation properties”): it is worth following
        only where nothing came along.
        """
        link = str(record.get(f"{self.table.party_list}{_LINK}") or "")
        return link if link and (_PAGING in link or not record.get(str(self.table.party_list))) else None

    def row(self, record: Mapping[str, Any]) -> Row:
        """A record as answered, flattened, with who made and changed it (§3.6: createdon may be an original's time)."""
        created, modified = record.get("createdon"), record.get("modifiedon")
        number = record.get(MARKER_COLUMN)
        return Row(
            id=str(record[self.table.primary_id]),
            values=self.flatten(record),
            created_by=self._actor(record.get("_createdby_value"), number),
            updated_by=self._actor(record.get("_modifiedby_value"), None),
            created_at=read_instant(created) if isinstance(created, str) else None,
            updated_at=read_instant(modified) if isinstance(modified, str) else None,
        )

    def _actor(self, user: str | None, number: int | None) -> Actor:
        kind = self._description.actor_kind(user, with_our_number=number is not None)
        name = self._description.automations.get(user or "", "")
        return Actor(kind, name, str(number) if kind == "import" else None)


def _guid(text: str, path: str) -> str:
    try:
        return str(UUID(text))
    except ValueError:
        raise RejectedError(f"The value for {path} is no id.", "validation", "Correct the mapping of this reference.") from None


def _pointed(lookup: Lookup, identity: str, target: str | None) -> Value:
    if lookup.polymorphic and target != lookup.target:
        return None
    return f"{TEAM}{identity}" if lookup.path == "ownerid" and target == "team" else identity


def _parties(party: Party, value: Value) -> list[dict[str, Any]]:
    """One party for an id, several for a list of them."""
    ids = cast(list[Any], value if isinstance(value, list) else [] if value is None else [value])
    bind = f"{party.navigation}@odata.bind"
    return [{bind: f"/{party.entity_set}({_guid(str(item), party.path)})", "participationtypemask": party.mask} for item in ids]


def _invited(party: Party, held: list[Mapping[str, Any]]) -> Value:
    """The one id of this kind of party and target; several as a sorted list."""
    ids = sorted(
        str(item["_partyid_value"])
        for item in held
        if item.get("participationtypemask") == party.mask
        and item.get("_partyid_value")
        and item.get(f"_partyid_value{TARGET}") == party.target
    )
    return (ids[0] if len(ids) == 1 else cast(Value, ids)) if ids else None
