"""Tables over HTTP: EntityDefinitions with their columns and keys (facts/dataverse.md §6.2, §6.3, §6.6, §6.10)."""

import re
from typing import TYPE_CHECKING, cast

from . import metadata_bodies, query
from .errors import DataverseError, no_table, not_found
from .http import Answer, Call
from .metadata import Column, Key, Row, Table
from .metadata_handlers import MetadataHandlers, solution_of
from .metadata_names import named_by
from .metadata_reads import pick
from .metadata_shapes import column_shape, key_shape, option_set_shape

if TYPE_CHECKING:
    from .app import Server

TABLE = r"EntityDefinitions\(([^)]*)\)"
CAST = r"(?:/(Microsoft\.Dynamics\.CRM\.\w+))?"
PART = r"\(([^)]*)\)"


def register(server: "Server") -> None:
    """Route metadata; let the indexes of keys come along before every request."""
    web = MetadataWeb(server)
    server.gates.append(web.advance)

    add = web.add
    add("GET", "", web.sets)
    add("GET", "EntityDefinitions", web.tables)
    add("POST", "EntityDefinitions", web.create_table)
    add("POST", "CreateEntities", web.create_tables)
    add("GET", rf"{TABLE}{CAST}", web.table)
    add("PUT", TABLE, web.change_table)
    add("DELETE", TABLE, web.delete_table)
    add("GET", rf"{TABLE}/Attributes{CAST}", web.columns)
    add("POST", rf"{TABLE}/Attributes", web.create_column)
    add("GET", rf"{TABLE}/Attributes{PART}{CAST}", web.column)
    add("GET", rf"{TABLE}/Attributes{PART}/(Microsoft\.Dynamics\.CRM\.\w+)/(OptionSet|GlobalOptionSet)", web.column_options)
    add("PUT", rf"{TABLE}/Attributes{PART}{CAST}", web.change_column)
    add("DELETE", rf"{TABLE}/Attributes{PART}{CAST}", web.delete_column)
    add("POST", rf"{TABLE}/Keys", web.create_key)
    add("GET", rf"{TABLE}/Keys{PART}", web.key)
    add("DELETE", rf"{TABLE}/Keys{PART}", web.delete_key)
    add("GET", rf"{TABLE}/(Keys|OneToManyRelationships|ManyToOneRelationships|ManyToManyRelationships)", web.collection)
    add("POST", "ReactivateEntityKey", web.reactivate_key)


class MetadataWeb(MetadataHandlers):
    """The handlers."""

    def advance(self, _call: Call) -> None:
        """Let keys come along; a gate that never answers."""
        if self.writes.keys.pending:
            self.writes.keys.advance()

    # -- helpers ------------------------------------------------------------------------------------------------------

    def found(self, match: "re.Match[str]") -> Table:
        """The table that the URL names. Raises DataverseError 404."""
        name, by_name = named_by(match.group(1), "LogicalName")
        table = self.schema.tables.get(name) if by_name else self.schema.table_by_id(name)
        if table is None:
            raise no_table(name)
        return table

    def found_column(self, match: "re.Match[str]") -> tuple[Table, Column]:
        """The column that the URL names. Raises DataverseError 404."""
        table = self.found(match)
        name, by_name = named_by(match.group(2), "LogicalName")
        for column in table.columns.values():
            if (column.logical if by_name else column.metadata_id) == name:
                return table, column
        raise DataverseError(404, "0x80040217", f"Could not find an attribute with name {name} in entity {table.logical}.")

    def found_key(self, match: "re.Match[str]") -> tuple[Table, Key]:
        """The key that the URL names. Raises DataverseError 404."""
        table = self.found(match)
        name, by_name = named_by(match.group(2), "LogicalName")
        for key in table.keys.values():
            if (key.logical if by_name else key.metadata_id) == name:
                return table, key
        raise not_found("EntityKey", name)

    def sets(self, call: Call, _match: "re.Match[str]") -> Answer:
        """The service document: every entity set."""
        found = [{"name": name, "kind": "EntitySet", "url": name} for name in sorted(self.schema.sets)]
        return self.values(call, found, "")

    # -- tables -------------------------------------------------------------------------------------------------------

    def tables(self, call: Call, _match: "re.Match[str]") -> Answer:
        return self.values(call, self.reader.tables(query.read(call.parameters())), "EntityDefinitions")

    def table(self, call: Call, match: "re.Match[str]") -> Answer:
        return self.one(call, self.reader.table(self.found(match), query.read(call.parameters())), "EntityDefinitions")

    def create_table(self, call: Call, _match: "re.Match[str]") -> Answer:
        table = self.writes.create_table(call.json(), solution_of(call))
        return self.made(call, f"EntityDefinitions({table.metadata_id})")

    def create_tables(self, call: Call, _match: "re.Match[str]") -> Answer:
        """CreateEntities: several tables in one message, as Microsoft's client makes them (facts §6.2)."""
        entities = cast("list[Row]", call.json().get("Entities") or [])
        tables = [self.writes.create_table(body, solution_of(call)) for body in entities]
        context = f"{call.base_url}/api/data/v9.2/$metadata#Microsoft.Dynamics.CRM.CreateEntitiesResponse"
        return Answer(200, {"@odata.context": context, "EntityIds": [table.metadata_id for table in tables]})

    def change_table(self, call: Call, match: "re.Match[str]") -> Answer:
        self.writes.change_table(self.found(match), call.json())
        return Answer(204)

    def delete_table(self, _call: Call, match: "re.Match[str]") -> Answer:
        self.writes.delete_table(self.found(match))
        return Answer(204)

    # -- columns ------------------------------------------------------------------------------------------------------

    def columns(self, call: Call, match: "re.Match[str]") -> Answer:
        table = self.found(match)
        shapes = self.reader.columns(table, query.read(call.parameters()), match.group(2))
        return self.values(call, shapes, f"EntityDefinitions('{table.logical}')/Attributes")

    def column(self, call: Call, match: "re.Match[str]") -> Answer:
        table, column = self.found_column(match)
        asked, cast_to = query.read(call.parameters()), match.group(3)
        shape = column_shape(table, column)
        if cast_to is not None and shape["@odata.type"] != f"#{cast_to}":
            raise not_found(cast_to, column.logical)
        full = self.reader.column_with(column, shape, asked, cast_to)
        shown = pick(full, asked.select, cast_to or "AttributeMetadata") | {
            name: full[name] for name in asked.expand if name in full
        }
        return self.one(call, shown, f"EntityDefinitions('{table.logical}')/Attributes")

    def column_options(self, call: Call, match: "re.Match[str]") -> Answer:
        """`…/Attributes(…)/PicklistAttributeMetadata/OptionSet`: the choices alone."""
        table, column = self.found_column(match)
        if column.options is None:
            raise not_found("OptionSet", column.logical)
        shape = pick(option_set_shape(column.options, column.kind), query.read(call.parameters()).select, "OptionSetMetadata")
        return self.one(call, shape, f"EntityDefinitions('{table.logical}')/Attributes/OptionSet")

    def create_column(self, call: Call, match: "re.Match[str]") -> Answer:
        table = self.found(match)
        column = self.writes.create_column(table, call.json(), solution_of(call))
        return self.made(call, f"EntityDefinitions({table.metadata_id})/Attributes({column.metadata_id})")

    def change_column(self, call: Call, match: "re.Match[str]") -> Answer:
        _, column = self.found_column(match)
        metadata_bodies.change(column, call.json())
        self.schema.refresh()
        return Answer(204)

    def delete_column(self, _call: Call, match: "re.Match[str]") -> Answer:
        self.writes.delete_column(*self.found_column(match))
        return Answer(204)

    # -- keys and relationships of a table ------------------------------------------------------------------------------

    def collection(self, call: Call, match: "re.Match[str]") -> Answer:
        table, name = self.found(match), match.group(2)
        shapes = self.reader.collection(table, name, query.read(call.parameters()))
        return self.values(call, shapes, f"EntityDefinitions('{table.logical}')/{name}")

    def create_key(self, call: Call, match: "re.Match[str]") -> Answer:
        table = self.found(match)
        key = self.writes.keys.create(table, call.json(), solution_of(call))
        return self.made(call, f"EntityDefinitions({table.metadata_id})/Keys({key.metadata_id})")

    def key(self, call: Call, match: "re.Match[str]") -> Answer:
        table, key = self.found_key(match)
        shape = pick(key_shape(table, key), query.read(call.parameters()).select, "EntityKeyMetadata")
        return self.one(call, shape, f"EntityDefinitions('{table.logical}')/Keys")

    def delete_key(self, _call: Call, match: "re.Match[str]") -> Answer:
        self.writes.keys.delete(*self.found_key(match))
        return Answer(204)

    def reactivate_key(self, call: Call, _match: "re.Match[str]") -> Answer:
        """Build a Failed key's index again (facts §6.6)."""
        body = call.json()
        table = self.organization.table(str(body.get("EntityLogicalName", "")))
        key = table.keys.get(str(body.get("EntityKeyLogicalName", "")).lower())
        if key is None:
            raise not_found("EntityKey", str(body.get("EntityKeyLogicalName", "")))
        if key.status != "Failed":
            raise metadata_bodies.invalid("Reactivate entity key is only supported for failed job", "0x80060897")
        self.writes.keys.start(table, key)
        return Answer(204)
