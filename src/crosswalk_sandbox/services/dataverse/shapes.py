"""Rows as answers show them: properties, ETag, and the annotations that were asked for (facts/dataverse.md §2, §3.4)."""

from datetime import datetime
from typing import Any

from .metadata import Column, Row, Table
from .organization import Organization

FORMATTED = "OData.Community.Display.V1.FormattedValue"
LOGICAL_NAME = "Microsoft.Dynamics.CRM.lookuplogicalname"
NAVIGATION = "Microsoft.Dynamics.CRM.associatednavigationproperty"


def wants(annotations: str, name: str) -> bool:
    """Whether an `odata.include-annotations` value asks for an annotation: `*`, `a.b.*`, exact names, with commas between."""
    for part in annotations.split(","):
        pattern = part.strip()
        if pattern in ("*", name) or (pattern.endswith("*") and name.startswith(pattern[:-1])):
            return True
    return False


class Shapes:
    """Shows rows with one request's annotations."""

    def __init__(self, organization: Organization, annotations: str = "") -> None:
        self.organization = organization
        self.formatted = wants(annotations, FORMATTED)
        self.logical_name = wants(annotations, LOGICAL_NAME)
        self.navigation = wants(annotations, NAVIGATION)
        self.annotated = self.formatted or self.logical_name or self.navigation

    def show(self, table: Table, row: Row, columns: list[Column]) -> Row:
        """A row with its ETag, the columns (empty ones as null) and their annotations; the primary id is always there."""
        shown: Row = {"@odata.etag": etag(row), table.primary_id: row[table.primary_id]}
        for column in columns:
            value = row.get(column.logical)
            shown[column.property_name] = value
            if value is not None and self.annotated:
                self._annotate(table, row, column, value, shown)
        return shown

    def _annotate(self, table: Table, row: Row, column: Column, value: Any, shown: Row) -> None:
        name = column.property_name
        if column.is_lookup:
            target = self.organization.target_of(table, column.logical, row) or ""
            if self.navigation:
                shown[f"{name}@{NAVIGATION}"] = navigation_of(self.organization, table, column, target)
            if self.logical_name:
                shown[f"{name}@{LOGICAL_NAME}"] = target
            if self.formatted and (label := name_of(self.organization, target, value)):
                shown[f"{name}@{FORMATTED}"] = label
        elif self.formatted and (label := formatted(column, value)) is not None:
            shown[f"{name}@{FORMATTED}"] = label


def etag(row: Row) -> str:
    return f'W/"{row["versionnumber"]}"'


def navigation_of(organization: Organization, table: Table, column: Column, target: str) -> str:
    relationship = organization.schema.relationship_of(table.logical, column.logical, target)
    return column.logical if relationship is None else relationship.navigation


def name_of(organization: Organization, target: str, row_id: str) -> str | None:
    """The primary name of the row that a lookup points at."""
    table = organization.schema.tables.get(target)
    row = organization.find(target, row_id) if table is not None else None
    return None if row is None or table is None else row.get(table.primary_name)


def formatted(column: Column, value: Any) -> str | None:
    """A value as the pages show it, in English; None for what has no form of its own."""
    if column.options is not None:
        return _labels(column, value)
    if column.kind == "DateTime":
        return _moment(column, value)
    if column.kind == "Money":
        return f"${value:,.{column.precision or 2}f}"
    if column.kind in ("Integer", "BigInt"):
        return f"{value:,}"
    if column.kind in ("Decimal", "Double"):
        return f"{value:,.{2 if column.precision is None else column.precision}f}"
    if column.kind == "Boolean":
        return "Yes" if value else "No"
    return None


def _labels(column: Column, value: Any) -> str | None:
    options = column.options
    numbers = value.split(",") if isinstance(value, str) else [int(value)]
    found = [options.find(int(number)) for number in numbers] if options is not None else []
    return "; ".join(option.label for option in found if option is not None) or None


def _moment(column: Column, value: str) -> str:
    moment = datetime.fromisoformat(value)
    day = f"{moment.month}/{moment.day}/{moment.year}"
    if column.format == "DateOnly" or column.behavior == "DateOnly":
        return day
    return f"{day} {moment.hour % 12 or 12}:{moment.minute:02} {'AM' if moment.hour < 12 else 'PM'}"
