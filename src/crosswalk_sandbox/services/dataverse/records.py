"""Creating, changing and deleting rows with the platform's rules (facts/dataverse.md §3). No HTTP here."""

from typing import Any

from . import bodies, cascades, computed, owners, parties, states
from .clock import new_id
from .errors import DataverseError, bad_query, duplicate_id
from .http import Caller
from .metadata import Row, Table
from .organization import POINTER, Organization

# Rows that only the platform writes.
CLOSED_TABLES = frozenset({"activityparty", POINTER})
BACKDATE = "prvOverrideCreatedOnCreatedBy"


class Records:
    """The writes. `values` is the request's body: column names, `nav@odata.bind`, `…_activity_parties`."""

    def __init__(self, organization: Organization) -> None:
        self.organization = organization
        self._templates: dict[str, tuple[int, Row]] = {}

    # -- create -----------------------------------------------------------------------------------------------------

    def create(self, table: Table, values: dict[str, Any], caller: Caller) -> Row:
        """A new row as stored. Raises DataverseError."""
        organization = self.organization
        self._check_table(table)
        organization.demand(caller.user_id, f"prvCreate{table.schema}")
        body = bodies.read(organization, table, values, creating=True)
        with organization.atomic():
            for navigation, parent in body.parents:
                self._create_parent(table, navigation, parent, body.values, caller)
            row = self._new_row(table, body.values, caller)
            row_id = row[table.primary_id]
            organization.put(table.logical, row_id, row)
            if table.is_activity:
                parties.write(organization, table, row, body.parties)
            for collection, child in body.children:
                relationship = table.collections[collection]
                bound = {f"{relationship.navigation}@odata.bind": f"/{table.entity_set}({row_id})"}
                self.create(organization.table(relationship.referencing), child | bound, caller)
        return row

    def _create_parent(self, table: Table, navigation: str, values: dict[str, Any], known: Row, caller: Caller) -> None:
        """A row nested in a lookup: created first, then pointed at (facts §3.1, deep insert)."""
        place = table.navigations[navigation]
        target = self.organization.table(place.target or "systemuser")
        known[place.column] = self.create(target, values, caller)[target.primary_id]
        if len(table.columns[place.column].targets) > 1:
            known[place.column + "@target"] = target.logical

    def _new_row(self, table: Table, values: Row, caller: Caller) -> Row:
        organization = self.organization
        states.at_creation(table, values)
        row = self._template(table).copy()
        row.update(values)
        row_id = row.get(table.primary_id) or new_id()
        if organization.find(table.logical, row_id) is not None:
            raise duplicate_id()
        row[table.primary_id] = row_id
        self._check_required(table, row)
        self._own(table, row, values, caller)
        self._date(row, caller)
        if "transactioncurrencyid" in table.columns and "exchangerate" in table.columns and computed.money_columns(table):
            row.setdefault("transactioncurrencyid", organization.people.currency)
            row["exchangerate"] = 1.0
        computed.fill(table, row, values)
        empty = [name for name, value in row.items() if value is None]
        for name in empty:
            del row[name]
        self._check_keys(table, row, None)
        return row

    def _template(self, table: Table) -> Row:
        """What every new row of the table starts with: defaults, the first state, an activity's kind."""
        held = self._templates.get(table.logical)
        if held is not None and held[0] == self.organization.schema.version:
            return held[1]
        row: Row = {}
        for column in table.columns.values():
            if column.default is not None and column.read:
                row[column.logical] = column.default
        if states.STATE in table.columns:
            row[states.STATE] = 0
            row[states.STATUS] = states.default_status(table, 0)
        if table.is_activity:
            row |= {"activitytypecode": table.logical, "isregularactivity": True, "instancetypecode": 0}
        self._templates[table.logical] = (self.organization.schema.version, row)
        return row

    def _own(self, table: Table, row: Row, values: Row, caller: Caller) -> None:
        if "ownerid" not in table.columns:
            return
        if values.get("ownerid") is None:
            row["ownerid"], row["ownerid@target"] = caller.user_id, "systemuser"
        else:
            owners.check(self.organization, table, row["ownerid"], row["ownerid@target"])
        owners.stamp(self.organization, row)

    def _date(self, row: Row, caller: Caller) -> None:
        """Who and when. A back-dated row swaps its two moments (facts §3.6)."""
        now = self.organization.clock.now()
        row["createdon"] = row["modifiedon"] = now
        row["createdby"] = row["modifiedby"] = caller.user_id
        if caller.real_id != caller.user_id:
            row["createdonbehalfby"] = row["modifiedonbehalfby"] = caller.real_id
        past = row.get("overriddencreatedon")
        if past is not None:
            self.organization.demand(caller.user_id, BACKDATE)
            row["createdon"], row["overriddencreatedon"] = past, now

    def _check_required(self, table: Table, row: Row) -> None:
        """Only SystemRequired is enforced (facts §3.10), and a campaign response needs its campaign (§7)."""
        if table.logical == "campaignresponse" and row.get("regardingobjectid") is None:
            raise DataverseError(400, "0x80043507", "Invalid activity regarding object, it probably does not exist")
        for name in self._required(table):
            if row.get(name) is None:
                raise DataverseError(400, "0x80040203", f"Invalid argument: '{name}' of {table.logical} is required.")

    def _required(self, table: Table) -> list[str]:
        """The columns without which a row is refused: names, and custom columns made SystemRequired."""
        return [
            name
            for name, column in table.columns.items()
            if column.required == "SystemRequired" and column.kind == "String" and (column.primary_name or column.is_custom)
        ]

    # -- update -----------------------------------------------------------------------------------------------------

    def update(self, table: Table, row_id: str, values: dict[str, Any], caller: Caller) -> Row:
        """The changed row as stored. Raises DataverseError."""
        organization = self.organization
        self._check_table(table)
        before = organization.get(table.logical, row_id)
        organization.demand(caller.user_id, f"prvWrite{table.schema}")
        body = bodies.read(organization, table, values, creating=False)
        states.check_writable(table, before, body.values | ({"parties": 1} if body.parties is not None else {}))
        states.settle(table, before, body.values)
        with organization.atomic():
            row = self._changed_row(table, before, body.values, caller)
            organization.put(table.logical, row_id, row)
            if row.get("ownerid") != before.get("ownerid"):
                self._assign(table, row_id, row)
            if table.is_activity:
                parties.write(organization, table, row, body.parties)
        return row

    def _changed_row(self, table: Table, before: Row, values: Row, caller: Caller) -> Row:
        row = before | values
        if "ownerid" in values:
            if values["ownerid"] is None:
                raise DataverseError(400, "0x80040229", "The owner ID is invalid or missing.")
            if values["ownerid"] != before["ownerid"]:
                owners.check(self.organization, table, row["ownerid"], row["ownerid@target"])
            owners.stamp(self.organization, row)
        row["modifiedon"] = self.organization.clock.now()
        row["modifiedby"] = caller.user_id
        row["modifiedonbehalfby"] = caller.real_id if caller.real_id != caller.user_id else None
        computed.fill(table, row, values)
        row = {name: value for name, value in row.items() if value is not None}
        self._check_keys(table, row, before)
        return row

    def _assign(self, table: Table, row_id: str, row: Row) -> None:
        """Give what belongs to the row to its new owner too (facts §0.7)."""
        organization = self.organization
        for name, child_id in cascades.assigned(organization, table.logical, row_id):
            child = dict(organization.get(name, child_id))
            if "ownerid" in child and child["ownerid"] != row["ownerid"]:
                child["ownerid"], child["ownerid@target"] = row["ownerid"], row["ownerid@target"]
                child["modifiedon"], child["modifiedby"] = row["modifiedon"], row["modifiedby"]
                owners.stamp(organization, child)
                organization.put(name, child_id, child)

    def _check_keys(self, table: Table, row: Row, before: Row | None) -> None:
        """No second row with the values of an alternate key (facts §10; status 412: unverified)."""
        for key in table.keys.values():
            if key.status != "Active":
                continue
            other = self.organization.by_key(table.logical, key, row)
            if other is not None and (before is None or other != row[table.primary_id]):
                names = ", ".join(table.columns[name].display or name for name in key.columns)
                raise DataverseError(
                    412,
                    "0x80060892",
                    f"Entity Key {key.display or key.schema} violated. A record with the same value for {names} already exists. "
                    "A duplicate record cannot be created. Select one or more unique values and try again.",
                )

    # -- delete -----------------------------------------------------------------------------------------------------

    def delete(self, table: Table, row_id: str, caller: Caller) -> list[tuple[str, Row]]:
        """Remove a row with what cascades from it; returns (table, row) of what went. Raises DataverseError."""
        organization = self.organization
        self._check_table(table)
        organization.get(table.logical, row_id)
        organization.demand(caller.user_id, f"prvDelete{table.schema}")
        if table.logical in ("systemuser", "businessunit", "organization"):
            raise DataverseError(400, "0x80040203", f"Invalid argument: rows of {table.logical} cannot be deleted.")
        with organization.atomic():
            return cascades.delete(organization, table.logical, row_id)

    def _check_table(self, table: Table) -> None:
        if table.logical in CLOSED_TABLES:
            raise bad_query(f"The requested operation is not supported for entity '{table.logical}'.")
