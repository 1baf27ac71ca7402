"""Metadata over HTTP: EntityDefinitions and what hangs on them, choices, relationships, publishing (facts/dataverse.md §6)."""

import re
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, cast

import orjson

from . import metadata_bodies, query
from .errors import DataverseError, bad_query, no_table, not_found
from .http import Answer, Call, Handler
from .metadata import Column, Key, Relationship, Row, Table
from .metadata_choices import Choices
from .metadata_reads import MetadataReader, changes, listed, pick
from .metadata_relationships import RelationshipWrites
from .metadata_shapes import column_shape, key_shape, many_to_many_shape, option_set_shape, relationship_shape

if TYPE_CHECKING:
    from .app import Server

TABLE = r"EntityDefinitions\(([^)]*)\)"
CAST = r"(?:/(Microsoft\.Dynamics\.CRM\.\w+))?"
PART = r"\(([^)]*)\)"


def register(server: "Server") -> None:
    """Route metadata; let the indexes of keys come along before every request."""
    web = MetadataWeb(server)
    routes = server.routes
    server.gates.append(web.advance)

    def add(method: str, pattern: str, handler: Handler) -> None:
        routes.add(method, pattern, handler if method == "GET" else web.writing(handler))

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
    add("GET", rf"RelationshipDefinitions{CAST}", web.relationships)
    add("POST", "RelationshipDefinitions", web.create_relationship)
    add("GET", rf"RelationshipDefinitions{PART}{CAST}", web.relationship)
    add("PUT", rf"RelationshipDefinitions{PART}{CAST}", web.change_relationship)
    add("DELETE", rf"RelationshipDefinitions{PART}{CAST}", web.delete_relationship)
    add("GET", "GlobalOptionSetDefinitions", web.option_sets)
    add("POST", "GlobalOptionSetDefinitions", web.create_option_set)
    add("GET", rf"GlobalOptionSetDefinitions{PART}{CAST}", web.option_set)
    add("DELETE", rf"GlobalOptionSetDefinitions{PART}", web.delete_option_set)
    for name in ("InsertOptionValue", "InsertStatusValue", "UpdateOptionValue", "DeleteOptionValue"):
        add("POST", name, web.change_option)
    routes.add("GET", r"RetrieveMetadataChanges\(Query=(@\w+)(?:,.*)?\)", web.metadata_changes)
    routes.add("POST", "PublishXml", web.publish)
    routes.add("POST", "PublishAllXml", lambda _call, _match: Answer(204))


def named_by(text: str, name: str) -> tuple[str, bool]:
    """What stands in brackets: `(LogicalName='x')` → ("x", True), a GUID → (guid, False)."""
    head, mark, value = text.partition("=")
    if mark and head.strip() == name:
        return value.strip().strip("'"), True
    return text.strip().lower(), False


class MetadataWeb:
    """The handlers."""

    def __init__(self, server: "Server") -> None:
        self.server = server
        self.organization = server.organization
        self.schema = server.organization.schema
        self.writes = server.metadata
        self.links = RelationshipWrites(self.writes)
        self.choices = Choices(self.writes)
        self.reader = MetadataReader(server.organization)

    def advance(self, _call: Call) -> None:
        """Let keys come along; a gate that never answers."""
        if self.writes.pending:
            self.writes.advance()

    def writing(self, handler: Handler) -> Handler:
        """A handler of a write: rights, locks and the solution are looked at first (facts §2, §6.8)."""

        def handle(call: Call, match: "re.Match[str]") -> Answer:
            self.organization.demand(call.who.user_id, "prvCreateEntity" if call.method == "POST" else "prvWriteEntity")
            self.writes.check_lock()
            self.writes.check_solution(_solution(call))
            return handler(call, match)

        return handle

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

    def values(self, call: Call, shapes: list[Row], path: str) -> Answer:
        return Answer(200, {"@odata.context": f"{call.base_url}/api/data/v9.2/$metadata#{path}", "value": shapes})

    def one(self, call: Call, shape: Row, path: str) -> Answer:
        return Answer(200, {"@odata.context": f"{call.base_url}/api/data/v9.2/$metadata#{path}/$entity", **shape})

    def made(self, call: Call, path: str) -> Answer:
        """204 with the address of a new component, which the ledger hears of."""
        call.written.object, call.written.ids = path.partition("(")[0], [path.rpartition("(")[2].rstrip(")")]
        return Answer(204, None, {"OData-EntityId": f"{call.base_url}/api/data/v9.2/{path}"})

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
        table = self.writes.create_table(call.json(), _solution(call))
        return self.made(call, f"EntityDefinitions({table.metadata_id})")

    def create_tables(self, call: Call, _match: "re.Match[str]") -> Answer:
        """CreateEntities: several tables in one message, as Microsoft's client makes them (facts §6.2)."""
        entities = cast("list[Row]", call.json().get("Entities") or [])
        tables = [self.writes.create_table(body, _solution(call)) for body in entities]
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
        column = self.writes.create_column(table, call.json(), _solution(call))
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
        key = self.writes.create_key(table, call.json(), _solution(call))
        return self.made(call, f"EntityDefinitions({table.metadata_id})/Keys({key.metadata_id})")

    def key(self, call: Call, match: "re.Match[str]") -> Answer:
        table, key = self.found_key(match)
        shape = pick(key_shape(table, key), query.read(call.parameters()).select, "EntityKeyMetadata")
        return self.one(call, shape, f"EntityDefinitions('{table.logical}')/Keys")

    def delete_key(self, _call: Call, match: "re.Match[str]") -> Answer:
        self.writes.delete_key(*self.found_key(match))
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
        self.writes.start_key(table, key)
        return Answer(204)

    def relationships(self, call: Call, match: "re.Match[str]") -> Answer:
        cast_to = match.group(1) or ""
        shapes: list[Row] = []
        if "ManyToMany" not in cast_to:
            shapes += [relationship_shape(item) for item in self.schema.relationships.values()]
        if "OneToMany" not in cast_to:
            shapes += [many_to_many_shape(item) for item in self.schema.many_to_many.values()]
        asked = query.read(call.parameters())
        return self.values(call, listed(shapes, asked, "RelationshipMetadataBase"), "RelationshipDefinitions")

    def relationship(self, call: Call, match: "re.Match[str]") -> Answer:
        item = self.links.find(named_by(match.group(1), "SchemaName")[0])
        shape = relationship_shape(item) if isinstance(item, Relationship) else many_to_many_shape(item)
        return self.one(
            call, pick(shape, query.read(call.parameters()).select, "RelationshipMetadataBase"), "RelationshipDefinitions"
        )

    def create_relationship(self, call: Call, _match: "re.Match[str]") -> Answer:
        made = self.links.create(call.json(), _solution(call))
        return self.made(call, f"RelationshipDefinitions({made})")

    def change_relationship(self, call: Call, match: "re.Match[str]") -> Answer:
        self.links.change(self.links.find(named_by(match.group(1), "SchemaName")[0]), call.json())
        return Answer(204)

    def delete_relationship(self, _call: Call, match: "re.Match[str]") -> Answer:
        self.links.delete(self.links.find(named_by(match.group(1), "SchemaName")[0]))
        return Answer(204)

    # -- choices ------------------------------------------------------------------------------------------------------

    def option_sets(self, call: Call, _match: "re.Match[str]") -> Answer:
        asked = query.read(call.parameters())
        if asked.filter is not None:
            raise bad_query("The query parameter $filter is not supported for GlobalOptionSetDefinitions.")
        shapes = [option_set_shape(item) for item in self.schema.option_sets.values()]
        return self.values(call, listed(shapes, asked, "OptionSetMetadataBase"), "GlobalOptionSetDefinitions")

    def option_set(self, call: Call, match: "re.Match[str]") -> Answer:
        shape = option_set_shape(self.writes.option_set(named_by(match.group(1), "Name")[0]))
        select = query.read(call.parameters()).select
        return self.one(call, pick(shape, select, "OptionSetMetadataBase"), "GlobalOptionSetDefinitions")

    def create_option_set(self, call: Call, _match: "re.Match[str]") -> Answer:
        made = self.writes.create_option_set(call.json(), _solution(call))
        return self.made(call, f"GlobalOptionSetDefinitions({made.metadata_id})")

    def delete_option_set(self, _call: Call, match: "re.Match[str]") -> Answer:
        self.writes.delete_option_set(self.writes.option_set(named_by(match.group(1), "Name")[0]))
        return Answer(204)

    def change_option(self, call: Call, _match: "re.Match[str]") -> Answer:
        """InsertOptionValue, InsertStatusValue, UpdateOptionValue and DeleteOptionValue."""
        action, body = call.resource, call.json()
        solution = body.get("SolutionUniqueName") or _solution(call)
        self.writes.check_solution(solution)
        verbs: dict[str, Callable[[Row, str | None], int | None]] = {
            "InsertOptionValue": self.choices.insert,
            "InsertStatusValue": self.choices.insert,
            "UpdateOptionValue": self.choices.update,
            "DeleteOptionValue": self.choices.delete,
        }
        made = verbs[action](body, solution)
        if made is None:
            return Answer(204)
        context = f"{call.base_url}/api/data/v9.2/$metadata#Microsoft.Dynamics.CRM.{action}Response"
        return Answer(200, {"@odata.context": context, "NewOptionValue": made})

    # -- the whole ----------------------------------------------------------------------------------------------------

    def metadata_changes(self, call: Call, match: "re.Match[str]") -> Answer:
        text = call.parameters().get(match.group(1), "")
        try:
            asked: Any = orjson.loads(text)
        except orjson.JSONDecodeError:
            raise bad_query("The Query of RetrieveMetadataChanges cannot be read.") from None
        return Answer(200, changes(self.reader, call, asked))

    def publish(self, call: Call, _match: "re.Match[str]") -> Answer:
        """PublishXml: the body names what to publish; definitions count at once in this sandbox (facts §6.7)."""
        self.organization.demand(call.who.user_id, "prvPublishCustomization")
        text = str(call.json().get("ParameterXml", ""))
        if not re.fullmatch(r"\s*<importexportxml>.*</importexportxml>\s*", text, re.DOTALL):
            raise metadata_bodies.invalid("The ParameterXml of PublishXml is missing or not valid.")
        for name in re.findall(r"<entity>([^<]*)</entity>", text):
            self.organization.table(name.strip())
        return Answer(204)


def _solution(call: Call) -> str | None:
    """The solution to note new components in: the header's, or the query's as Microsoft's client says it."""
    return call.header("mscrm.solutionuniquename") or call.parameters().get("SolutionUniqueName")
