"""What the platform gives every new table: its system columns, and its places in notes and activities (facts/dataverse.md §6.2)."""

from .clock import new_id, stable_id
from .metadata import Column, Option, OptionSet, Table
from .relations import between
from .schema import Schema

# name, schema name, kind, what may be written: "" nothing, "c" on creation, "cu" always
SYSTEM_COLUMNS = (
    ("createdon", "CreatedOn", "DateTime", ""),
    ("modifiedon", "ModifiedOn", "DateTime", ""),
    ("createdby", "CreatedBy", "Lookup", ""),
    ("modifiedby", "ModifiedBy", "Lookup", ""),
    ("createdonbehalfby", "CreatedOnBehalfBy", "Lookup", ""),
    ("modifiedonbehalfby", "ModifiedOnBehalfBy", "Lookup", ""),
    ("overriddencreatedon", "OverriddenCreatedOn", "DateTime", "c"),
    ("importsequencenumber", "ImportSequenceNumber", "Integer", "c"),
    ("timezoneruleversionnumber", "TimeZoneRuleVersionNumber", "Integer", "cu"),
    ("utcconversiontimezonecode", "UTCConversionTimeZoneCode", "Integer", "cu"),
    ("versionnumber", "VersionNumber", "BigInt", ""),
)
OWNER_COLUMNS = (
    ("ownerid", "OwnerId", "Owner", "cu"),
    ("owninguser", "OwningUser", "Lookup", ""),
    ("owningteam", "OwningTeam", "Lookup", ""),
    ("owningbusinessunit", "OwningBusinessUnit", "Lookup", ""),
)
TARGETS = {"ownerid": ["systemuser", "team"], "owningteam": ["team"], "owningbusinessunit": ["businessunit"]}
INTEGER_RANGES = {"timezoneruleversionnumber": -1, "utcconversiontimezonecode": -1}


def add_system_columns(table: Table) -> None:
    """The columns that nobody asks for."""
    rows = SYSTEM_COLUMNS + (OWNER_COLUMNS if table.ownership == "UserOwned" else ())
    primary = Column(table.primary_id, f"{table.schema}Id", "Uniqueidentifier", new_id(), primary_id=True, update=False)
    primary.required, primary.display = "SystemRequired", table.display
    table.columns[table.primary_id] = primary
    for logical, schema, kind, writable in rows:
        column = Column(logical, schema, kind, stable_id("column", table.metadata_id, logical))
        column.create, column.update = "c" in writable, "u" in writable
        if kind == "DateTime":
            column.format, column.behavior = "DateOnly" if logical == "overriddencreatedon" else "DateAndTime", "UserLocal"
        elif kind == "Integer":
            column.minimum, column.maximum = INTEGER_RANGES.get(logical, -2147483648), 2147483647
        elif column.is_lookup:
            column.targets = TARGETS.get(logical, ["systemuser"])
        table.columns[logical] = column
    _add_states(table)


def _add_states(table: Table) -> None:
    """Active and Inactive, each with one status."""
    states = [Option(0, "Active", default_status=1), Option(1, "Inactive", default_status=2)]
    statuses = [Option(1, "Active", state=0), Option(2, "Inactive", state=1)]
    for logical, schema, kind, options in (
        ("statecode", "StateCode", "State", states),
        ("statuscode", "StatusCode", "Status", statuses),
    ):
        column = Column(logical, schema, kind, stable_id("column", table.metadata_id, logical))
        column.create = kind == "Status"
        column.required = "SystemRequired" if kind == "State" else "None"
        column.options = OptionSet(f"{table.logical}_{logical}", new_id(), options)
        table.columns[logical] = column


def add_places(schema: Schema, table: Table) -> None:
    """Let notes and activities point at the table, if it has them, with their relationships (facts §3.5)."""
    children: list[tuple[Table, str]] = []
    if table.has_notes:
        children.append((schema.tables["annotation"], "objectid"))
    if table.has_activities:
        activities = [item for item in schema.tables.values() if item.is_activity and item.logical != "campaignresponse"]
        children += [(item, "regardingobjectid") for item in activities]
    for child, name in children:
        column = child.columns[name]
        if table.logical not in column.targets:
            column.targets = [*column.targets, table.logical]
        relationship = between(child, column, table)
        schema.relationships.setdefault(relationship.schema, relationship)


def add_author_relationships(schema: Schema, table: Table) -> None:
    """The relationships of the system lookups."""
    for column in table.columns.values():
        for target in column.targets if column.is_lookup and column.kind != "Owner" else []:
            if (table.logical, column.logical, target) not in schema.by_lookup and target in schema.tables:
                relationship = between(table, column, schema.tables[target])
                schema.relationships.setdefault(relationship.schema, relationship)


def add_currency(schema: Schema, table: Table) -> None:
    """A table's first amount brings its currency and rate (facts §3.12)."""
    if "transactioncurrencyid" not in table.columns:
        currency = Column("transactioncurrencyid", "TransactionCurrencyId", "Lookup", new_id(), targets=["transactioncurrency"])
        rate = Column("exchangerate", "ExchangeRate", "Decimal", new_id(), create=False, update=False)
        rate.minimum, rate.maximum, rate.precision = 0.000000000001, 100000000000, 12
        table.columns["transactioncurrencyid"], table.columns["exchangerate"] = currency, rate
        add_author_relationships(schema, table)


def base_amount(column: Column) -> Column:
    """The computed amount in the base currency that every amount has."""
    base = Column(f"{column.logical}_base", f"{column.schema}_Base", "Money", new_id(), create=False, update=False)
    base.display, base.is_custom = f"{column.display} (Base)", True
    base.minimum, base.maximum, base.precision, base.precision_source = -922337203685477, 922337203685477, column.precision, 2
    return base
