"""CreateMultiple, UpdateMultiple, UpsertMultiple: one request for many rows, all or none (facts/dataverse.md §0.3, §4.3, §4.4)."""

import re
from typing import TYPE_CHECKING, Any, cast

from . import duplicates, keys
from .errors import DataverseError, bad_payload, no_resource
from .http import Answer, Call
from .metadata import Row, Table

if TYPE_CHECKING:
    from .app import Server

ADDRESS = re.compile(r"(?:.*/)?(\w+)\((.*)\)", re.DOTALL)
MESSAGES = ("CreateMultiple", "UpdateMultiple")
BOTH = frozenset(MESSAGES)

# Standard tables with bulk messages (facts §0.2, §4.4, §13). Not annotation, not appointment; nothing says that other
# activities have them, so they have none here. Account and contact take both since their reference pages list them.
OFFERED: dict[str, frozenset[str]] = {
    "account": BOTH,
    "contact": BOTH,
    "campaign": BOTH,
    "campaignresponse": BOTH,
    "lead": BOTH,
}


def offers(table: Table, message: str) -> bool:
    """Whether a table has a bulk message; UpsertMultiple works where both others do (facts §4.4)."""
    if message == "UpsertMultiple":
        return all(offers(table, other) for other in MESSAGES)
    return table.is_custom or message in OFFERED.get(table.logical, ())


def register(server: "Server") -> None:
    """Route the three messages of every table; messages.py lists them in sdkmessagefilter."""
    bulk = Bulk(server)
    for message in (*MESSAGES, "UpsertMultiple"):
        server.routes.add("POST", rf"(\w+)/Microsoft\.Dynamics\.CRM\.({message})", bulk.handle)


class Bulk:
    """The bulk messages of standard and custom tables; the first row that is refused takes back the whole request."""

    def __init__(self, server: "Server") -> None:
        self.server = server

    def handle(self, call: Call, match: "re.Match[str]") -> Answer:
        """200 with the ids for CreateMultiple, else 204. Raises DataverseError, with nothing changed."""
        table = self.server.organization.by_set(match.group(1))
        message = match.group(2)
        if not offers(table, message):
            raise no_resource(f"Microsoft.Dynamics.CRM.{message}")
        targets = _targets(call.json(), table)
        verb = {"CreateMultiple": self.create, "UpdateMultiple": self.update, "UpsertMultiple": self.upsert}[message]
        if message == "UpsertMultiple":
            _refuse_twins(targets, table)
        watched = duplicates.asked_for(call)
        rows: list[Row] = []
        with self.server.organization.atomic():
            for target in targets:
                if watched:
                    duplicates.refuse(self.server, table, target, str(target.get(table.primary_id, "")).lower())
                rows.append(verb(table, target, call))
        call.written.object = table.logical
        call.written.ids = [row[table.primary_id] for row in rows]
        if message != "CreateMultiple":
            return Answer(204)
        context = f"{call.base_url}/api/data/v9.2/$metadata#Microsoft.Dynamics.CRM.CreateMultipleResponse"
        return Answer(200, {"@odata.context": context, "Ids": call.written.ids})

    def create(self, table: Table, target: Row, call: Call) -> Row:
        return self.server.records.create(table, _values(target), call.who)

    def update(self, table: Table, target: Row, call: Call) -> Row:
        """A change of the row that the target names by id or by key. Raises DataverseError 404 when there is none."""
        found, values = self.addressed(table, target)
        if found is None:
            wanted = target.get(table.primary_id) or target.get("@odata.id")
            raise DataverseError(404, "0x80040217", f"{table.logical} With Id = {wanted} Does Not Exist")
        return self.server.records.update(table, found, values, call.who)

    def upsert(self, table: Table, target: Row, call: Call) -> Row:
        found, values = self.addressed(table, target)
        if found is not None:
            return self.server.records.update(table, found, values, call.who)
        return self.server.records.create(table, values, call.who)

    def addressed(self, table: Table, target: Row) -> tuple[str | None, Row]:
        """The id of the existing row that a target means, None when there is none, and the values to write.

        Values of the key's own columns are dropped when the row exists and taken from the key when it does not (facts §3.3).
        Raises DataverseError 400 for a target that names no row.
        """
        values = _values(target)
        address = cast("str | None", target.get("@odata.id"))
        if address is None:
            row_id = target.get(table.primary_id)
            if not isinstance(row_id, str):
                raise bad_payload(table.entity_set, f"Each target needs its {table.primary_id} or an @odata.id.")
            row = self.server.organization.find(table.logical, row_id.lower())
            return (None, values) if row is None else (row[table.primary_id], _without(values, {table.primary_id}))
        match = ADDRESS.fullmatch(address.strip())
        if match is None or match.group(1) != table.entity_set:
            raise bad_payload(table.entity_set, "The @odata.id of a target does not name a row of this table.")
        name = keys.parse(table, match.group(2))
        key = {table.primary_id: name} if isinstance(name, str) else name
        organization = self.server.organization
        row = organization.find(table.logical, name) if isinstance(name, str) else keys.find(organization, table, name)
        return (None, {**_readable(table, key), **values}) if row is None else (row[table.primary_id], _without(values, key))


def _targets(body: Any, table: Table) -> list[Row]:
    """The rows of the body. Raises DataverseError 400 when one lacks its @odata.type, which is mandatory (facts §4.3)."""
    targets = cast("Any", body.get("Targets")) if isinstance(body, dict) else None
    if not isinstance(targets, list) or not targets:
        raise bad_payload(table.entity_set, "The parameter 'Targets' must hold at least one entity.")
    wanted = f"Microsoft.Dynamics.CRM.{table.logical}"
    for target in cast("list[Row]", targets):
        if str(target.get("@odata.type", "")).lstrip("#") != wanted:
            raise bad_payload(table.entity_set, f"Each target needs an '@odata.type' of '{wanted}'.")
    return cast("list[Row]", targets)


def _refuse_twins(targets: list[Row], table: Table) -> None:
    """Two targets of an UpsertMultiple with one key are an error (facts §4.3; our code and words, §13)."""
    seen: set[str] = set()
    for target in targets:
        name = str(target.get("@odata.id") or target.get(table.primary_id) or "").lower()
        if name in seen:
            raise DataverseError(400, "0x80040203", "The Targets of an UpsertMultiple request must not share a key.")
        seen.add(name)


def _values(target: Row) -> Row:
    return {name: value for name, value in target.items() if name not in ("@odata.type", "@odata.id", "@odata.etag")}


def _without(values: Row, names: Any) -> Row:
    return {name: value for name, value in values.items() if name not in names}


def _readable(table: Table, key: Row) -> Row:
    """Key values as a body gives them: a lookup is bound, not named by its column."""
    values: Row = {}
    for name, value in key.items():
        column = table.columns[name]
        if not column.is_lookup:
            values[name] = value
            continue
        navigation = next(nav for nav, target in table.navigations.items() if target.column == name)
        values[f"{navigation}@odata.bind"] = f"({value})"
    return values
