"""Changing an organisation's schema and taking changes back (facts/dataverse.md §6); every change is verified by reading.

Metadata requests go one after another: the platform locks its definitions, and a lock that is held is waited for (§6.8).
"""

from collections.abc import Callable, Sequence
from typing import cast

from crosswalk.connectors.dataverse import payloads
from crosswalk.connectors.dataverse.addresses import definition_path
from crosswalk.connectors.dataverse.client import DataverseClient
from crosswalk.connectors.dataverse.describe import redescribe
from crosswalk.connectors.dataverse.description import Column, Description, Raw
from crosswalk.connectors.dataverse.errors import ABSENT, LOCKED, NOT_YET
from crosswalk.connectors.dataverse.keys import KeyWaiter
from crosswalk.connectors.dataverse.locks import LOCK_PAUSES, unlocked
from crosswalk.connectors.dataverse.naming import prefix_of
from crosswalk.connectors.dataverse.publishing import Publisher
from crosswalk.connectors.dataverse.solution import Solutions
from crosswalk.connectors.dataverse.standing import found_options, gone, has_active_key, key_on, lookup_of, stands
from crosswalk.kit.retry import until_shown
from crosswalk.model.errors import RejectedError, UncertainError
from crosswalk.model.schema_plan import FieldCreation, SchemaChange

READ_BACK_PAUSES = (0.2, 0.5, 1.0, 3.0, 10.0, 20.0)
"""Definitions are eventually consistent; Microsoft's own clients look again for about this long (§6.8)."""

_Lost = UncertainError | None


class SchemaEditor:
    """Carries changes out, in our own solution; remembers which tables await publishing."""

    def __init__(
        self,
        client: DataverseClient,
        read_back_pauses: Sequence[float] = READ_BACK_PAUSES,
        lock_pauses: Sequence[float] = LOCK_PAUSES,
    ) -> None:
        self._client = client
        self._solutions = Solutions(client)
        self._keys = KeyWaiter(client)
        self._read_back_pauses = read_back_pauses
        self._lock_pauses = lock_pauses
        self._publisher = Publisher(client, lock_pauses)

    async def apply(self, change: SchemaChange, description: Description) -> Description:
        """Carry out one change; the schema read back after it.

        `description` is the schema as last read. RejectedError `conflict` when something else stands in the change's place.
        """
        if not stands(description, change):
            if change.operation == "create_object":
                lost = await self._create_table(change, description)
            elif change.operation == "create_field":
                lost = await self._create_column(change, description)
            else:
                lost = await self._add_options(change, description)
            self._publisher.changed(change.object)
            description = await self._read_back(change, description, stands, lost)
        if change.field is not None and change.field.unique:
            description = await self._ensure_key(change, change.field, description)
        return description

    async def undo(self, change: SchemaChange, description: Description) -> Description:
        """Take one change back, with the data in it; the schema read back after it."""
        if not gone(description, change):
            if change.operation == "create_object":
                lost = await self._delete(change, definition_path(change.object))
                self._publisher.deleted(change.object)
            else:
                lost = await self._take_column_back(change, description)
                self._publisher.changed(change.object)
            description = await self._read_back(change, description, gone, lost)
        await self._clear_solutions(change, description)
        return description

    async def publish(self) -> None:
        """Make the changes so far visible in apps (§6.7); does nothing when there are none."""
        await self._publisher.publish()

    # -- creating ------------------------------------------------------------------------------------------------------

    async def _create_table(self, change: SchemaChange, description: Description) -> _Lost:
        asked = change.created_object
        if asked is None:
            raise _says_nothing(change)
        if change.object in description.entity_sets:
            raise _in_the_way(change, "a table of that name that is not to be written to")
        solution = await self._solutions.of(prefix_of(asked.name))
        body = payloads.table_body(asked, await self._solutions.language())
        return await self._changing(change, "POST", "EntityDefinitions", body, solution.header)

    async def _create_column(self, change: SchemaChange, description: Description) -> _Lost:
        asked = change.field
        if asked is None:
            raise _says_nothing(change)
        if change.name in description.table(change.object).columns:
            raise _in_the_way(change, "a column of that name but of another kind")
        solution = await self._solutions.of(prefix_of(change.name))
        language = await self._solutions.language()
        if asked.type == "reference":
            target = description.table(asked.to or "")
            body = payloads.relationship_body(change.object, change.name, asked, target.logical, target.primary_id, language)
            return await self._changing(change, "POST", "RelationshipDefinitions", body, solution.header)
        body = payloads.column_body(change.name, asked, solution.first_option, language)
        return await self._changing(change, "POST", f"{definition_path(change.object)}/Attributes", body, solution.header)

    async def _add_options(self, change: SchemaChange, description: Description) -> _Lost:
        """InsertOptionValue (§6.5). What an interrupted run left unpublished is published first, or it would be added again."""
        if change.field is None:
            raise _says_nothing(change)
        place = _option_place(change, description)
        await self._publisher.publish_options(place)
        description = await redescribe(self._client, description, [change.object])
        column = _existing(change, description)
        present = column.options.values
        solution = await self._solutions.of(prefix_of(change.name)) if column.custom else None
        language = await self._solutions.language()
        lost: _Lost = None
        for added in payloads.missing_options(change.field.options, present, solution.first_option if solution else 0, language):
            if solution is None:  # a column of the platform's: the number is left to it
                del added["Value"]
            belonging = {"SolutionUniqueName": solution.unique_name} if solution else {}
            lost = await self._changing(change, "POST", "InsertOptionValue", {**place, **belonging, **added}, {}) or lost
        await self._publisher.publish_options(place)
        return lost

    async def _ensure_key(self, change: SchemaChange, asked: FieldCreation, description: Description) -> Description:
        """The alternate key behind a unique column, waited for until its index is built (§6.6)."""
        key = key_on(description, change)
        if key is None:
            solution = await self._solutions.of(prefix_of(change.name))
            column = _existing(change, description)
            body = payloads.key_body(column.logical, column.schema_name, asked.label, await self._solutions.language())
            await self._changing(change, "POST", f"{definition_path(change.object)}/Keys", body, solution.header)
        elif key.status == "Active":
            return description
        await self._keys.until_active(change.object, change.name, failed=key is not None and key.status == "Failed")
        return await self._read_back(change, description, has_active_key, None)

    # -- taking back ---------------------------------------------------------------------------------------------------

    async def _take_column_back(self, change: SchemaChange, description: Description) -> _Lost:
        column = _existing(change, description)
        if change.operation == "add_options":
            return await self._delete_options(change, column, description)
        lookup = lookup_of(description, change)
        if lookup is not None:
            relationship = _relationship(change, description, lookup.target)
            return await self._delete(change, f"RelationshipDefinitions({relationship})")
        key = key_on(description, change)
        if key is not None:
            await self._delete(change, f"{definition_path(change.object)}/Keys({key.metadata_id})")
        return await self._delete(change, f"{definition_path(change.object)}/Attributes(LogicalName='{change.name}')")

    async def _delete_options(self, change: SchemaChange, column: Column, description: Description) -> _Lost:
        lost: _Lost = None
        place = _option_place(change, description)
        for value in found_options(change, column).values():
            lost = await self._changing(change, "POST", "DeleteOptionValue", {**place, "Value": value}, {}) or lost
        await self._publisher.publish_options(place)
        return lost

    async def _clear_solutions(self, change: SchemaChange, description: Description) -> None:
        if "_" not in change.name:
            return
        custom = {table.metadata_id for table in description.tables.values() if table.is_custom}
        await unlocked(lambda: self._solutions.clear(prefix_of(change.name), custom), self._lock_pauses)

    async def _delete(self, change: SchemaChange, path: str) -> _Lost:
        try:
            return await self._changing(change, "DELETE", path, None, {})
        except RejectedError as error:
            if error.code in ABSENT:
                return None
            raise

    # -- requests ------------------------------------------------------------------------------------------------------

    async def _changing(self, change: SchemaChange, method: str, path: str, body: object, headers: dict[str, str]) -> _Lost:
        """Send a request; a refusal says which change it is about. A lost answer is left to the reading back."""
        reasons = NOT_YET if method == "POST" else LOCKED  # what is built on was read before
        try:
            await unlocked(lambda: self._client.write_metadata(method, path, body, headers), self._lock_pauses, reasons)
            return None
        except UncertainError as error:
            return error
        except RejectedError as error:
            raise RejectedError(f"{change.label()}: {error.message}", error.code, error.remedy) from error

    async def _read_back(
        self, change: SchemaChange, known: Description, done: Callable[[Description, SchemaChange], bool], lost: _Lost
    ) -> Description:
        """Read until the change shows."""
        return await until_shown(
            lambda: redescribe(self._client, known, _touched(change)),
            lambda description: done(description, change),
            change.label(),
            lost,
            self._read_back_pauses,
        )


def _touched(change: SchemaChange) -> list[str]:
    """The tables whose description a change reaches: for a lookup, its target too."""
    target = change.field.to if change.field is not None else None
    return sorted({change.object, target} if target else {change.object})


def _existing(change: SchemaChange, description: Description) -> Column:
    column = description.table(change.object).columns.get(change.name)
    if column is None:
        raise RejectedError(
            f"Dataverse's {change.object} has no column “{change.name}”.",
            "unknown_field",
            "Describe the destination and plan again.",
        )
    return column


def _option_place(change: SchemaChange, description: Description) -> dict[str, str]:
    """Where an option belongs: to the column, or to the choice that several columns share."""
    for attribute in description.table(change.object).details.options:
        shared = cast(Raw, attribute.get("GlobalOptionSet") or attribute.get("OptionSet") or {})
        if attribute.get("LogicalName") == change.name and shared.get("IsGlobal"):
            return {"OptionSetName": str(shared["Name"])}
    return {"EntityLogicalName": change.object, "AttributeLogicalName": change.name}


def _relationship(change: SchemaChange, description: Description, target: str) -> str:
    for relationship in description.table(target).referenced_by:
        if (relationship.referencing, relationship.column) == (change.object, change.name):
            return relationship.metadata_id
    raise RejectedError(f"{change.label()}: the relationship behind the lookup is not described.", "rejected", "Describe again.")


def _in_the_way(change: SchemaChange, what: str) -> RejectedError:
    return RejectedError(
        f"{change.label()}: the organisation already has {what}.",
        "conflict",
        "Rename or delete it in the maker portal (make.powerapps.com), or choose another name in the mapping.",
    )


def _says_nothing(change: SchemaChange) -> RejectedError:
    return RejectedError(f"“{change.label()}” does not say what to create.", "validation", "Plan again.")
