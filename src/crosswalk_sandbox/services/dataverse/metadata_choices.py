"""Adding, changing and removing single choices (facts/dataverse.md §6.5)."""

from .errors import DataverseError, not_found
from .metadata import Column, Option, OptionSet, Row
from .metadata_bodies import invalid, option, text_of
from .metadata_names import first_option
from .metadata_writes import MetadataWrites


class Choices:
    """The three actions; a body names a global choice by OptionSetName, or a column by its table and name."""

    def __init__(self, writes: MetadataWrites) -> None:
        self.writes = writes

    def _found(self, body: Row) -> tuple[OptionSet, Column | None]:
        """The choice that a body names. Raises DataverseError 404, 400."""
        name = body.get("OptionSetName")
        if name:
            return self.writes.option_set(str(name)), None
        table = self.writes.organization.table(str(body.get("EntityLogicalName", "")))
        column = table.columns.get(str(body.get("AttributeLogicalName", "")))
        if column is None:
            raise not_found("Attribute", str(body.get("AttributeLogicalName", "")))
        if column.options is None or column.kind == "Boolean":
            raise invalid(f"The attribute {column.logical} has no options.")
        return column.options, column

    def insert(self, body: Row, solution: str | None) -> int:
        """A new choice at the end; its value, numbered on from the publisher's prefix unless given."""
        options, column = self._found(body)
        value = body.get("Value")
        if value is None:
            value = first_option(self.writes.organization, solution)
            while options.find(value) is not None:
                value += 1
        if options.find(int(value)) is not None:
            raise invalid("The picklist value already exists.  Picklist values must be unique.", "0x80044310")
        made = option(int(value), body)
        if column is not None and column.kind == "Status":
            made.state = int(body.get("StateCode", 0))
        options.options.append(made)
        return made.value

    def _option(self, options: OptionSet, body: Row) -> Option:
        found = options.find(int(body.get("Value", -1)))
        if found is None:
            raise DataverseError(400, "0x8004431a", "The picklist value is out of the range.")
        return found

    def update(self, body: Row, _solution: str | None) -> None:
        """Another label or description."""
        options, _ = self._found(body)
        found = self._option(options, body)
        found.label = text_of(body.get("Label")) or found.label
        if body.get("Description") is not None:
            found.description = text_of(body["Description"])

    def delete(self, body: Row, _solution: str | None) -> None:
        """Remove a choice; rows that have it keep their number."""
        options, _ = self._found(body)
        options.options.remove(self._option(options, body))
