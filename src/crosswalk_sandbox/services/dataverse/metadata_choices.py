"""Global choices; adding, changing and removing single options (facts/dataverse.md §6.5), which count once published: reading
metadata gets only published customizations (Microsoft's page “Retrieve published metadata”)."""

from . import metadata_bodies, metadata_names
from .clock import new_id
from .components import Components
from .errors import DataverseError, not_found
from .metadata import Column, Option, OptionSet, Row, Table
from .metadata_bodies import invalid, option, text_of
from .metadata_names import first_option
from .organization import Organization


class Choices:
    """Global choices, and the actions on options; these name a global choice by OptionSetName, or a column by table and name."""

    def __init__(self, organization: Organization, components: Components) -> None:
        self.organization = organization
        self.schema = organization.schema
        self.components = components

    # -- global choices -----------------------------------------------------------------------------------------------

    def create_set(self, body: Row, solution: str | None) -> OptionSet:
        """A new global choice (facts §6.5). Raises DataverseError 400."""
        name = str(body.get("Name", ""))
        metadata_names.check(self.organization, "OptionSet", name)
        if name.lower() in self.schema.option_sets:
            raise metadata_names.exists("An option set", name)
        first = metadata_names.first_option(self.organization, solution)
        options = list(metadata_bodies.options(body.get("Options") or [], first))
        made = OptionSet(name, new_id(), options, is_global=True, is_custom=True, display=text_of(body.get("DisplayName")))
        self.schema.option_sets[name.lower()] = made
        self.components.note(solution, "OptionSet", made.metadata_id)
        return made

    def find_set(self, name: str) -> OptionSet:
        """A global choice by name or id. Raises DataverseError 404."""
        found = self.schema.option_sets.get(name.lower())
        found = found or next((item for item in self.schema.option_sets.values() if item.metadata_id == name.lower()), None)
        if found is None:
            raise not_found("OptionSet", name)
        return found

    def delete_set(self, options: OptionSet) -> None:
        """Remove a global choice that no column uses. Raises DataverseError 400."""
        users = sum(column.options is options for table in self.schema.tables.values() for column in table.columns.values())
        if users:
            raise metadata_names.in_use("OptionSet", options.name, users)
        del self.schema.option_sets[options.name.lower()]
        self.components.forget(options.metadata_id)

    # -- options ------------------------------------------------------------------------------------------------------

    def _found(self, body: Row) -> tuple[OptionSet, Column | None]:
        """The choice that a body names. Raises DataverseError 404, 400."""
        name = body.get("OptionSetName")
        if name:
            return self.find_set(str(name)), None
        table = self.organization.table(str(body.get("EntityLogicalName", "")))
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
            value = first_option(self.organization, solution)
            while _draft(options, value) is not None:
                value += 1
        if _draft(options, int(value)) is not None:
            raise invalid("The picklist value already exists.  Picklist values must be unique.", "0x80044310")
        made = option(int(value), body)
        if column is not None and column.kind == "Status":
            made.state = int(body.get("StateCode", 0))
        options.added.append(made)
        return made.value

    def _option(self, options: OptionSet, body: Row) -> Option:
        found = _draft(options, int(body.get("Value", -1)))
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
        options.deleted.append(self._option(options, body).value)

    def publish(self, tables: list[Table], option_sets: list[OptionSet]) -> None:
        """Let the tables' own choices and these shared ones count as they were left."""
        own = [column.options for table in tables for column in table.columns.values() if column.options is not None]
        for options in [*(item for item in own if not item.is_global), *option_sets]:
            options.publish()


def _draft(options: OptionSet, value: int) -> Option | None:
    """An option as it will be once all is published."""
    found = options.find(value) or next((item for item in options.added if item.value == value), None)
    return None if value in options.deleted else found
