"""Relationships, choices and publishing over HTTP (facts/dataverse.md §6.4, §6.5, §6.7, §6.10)."""

import re
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import orjson

from . import metadata_bodies, query
from .errors import bad_query
from .http import Answer, Call
from .metadata import Relationship, Row
from .metadata_handlers import MetadataHandlers, solution_of
from .metadata_names import named_by
from .metadata_reads import changes, listed, pick
from .metadata_relationships import RelationshipWrites
from .metadata_shapes import many_to_many_shape, option_set_shape, relationship_shape

if TYPE_CHECKING:
    from .app import Server

CAST = r"(?:/(Microsoft\.Dynamics\.CRM\.\w+))?"
PART = r"\(([^)]*)\)"


def register(server: "Server") -> None:
    """Route them."""
    web = LinksWeb(server)
    add = web.add
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
    add("GET", r"RetrieveMetadataChanges\(Query=(@\w+)(?:,.*)?\)", web.metadata_changes)
    server.routes.add("POST", "PublishXml", web.publish)
    server.routes.add("POST", "PublishAllXml", web.publish_all)


class LinksWeb(MetadataHandlers):
    """The handlers."""

    def __init__(self, server: "Server") -> None:
        super().__init__(server)
        self.links = RelationshipWrites(self.writes)
        self.choices = self.writes.choices

    # -- relationships ------------------------------------------------------------------------------------------------

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
        made = self.links.create(call.json(), solution_of(call))
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
        shape = option_set_shape(self.choices.find_set(named_by(match.group(1), "Name")[0]))
        select = query.read(call.parameters()).select
        return self.one(call, pick(shape, select, "OptionSetMetadataBase"), "GlobalOptionSetDefinitions")

    def create_option_set(self, call: Call, _match: "re.Match[str]") -> Answer:
        made = self.choices.create_set(call.json(), solution_of(call))
        return self.made(call, f"GlobalOptionSetDefinitions({made.metadata_id})")

    def delete_option_set(self, _call: Call, match: "re.Match[str]") -> Answer:
        self.choices.delete_set(self.choices.find_set(named_by(match.group(1), "Name")[0]))
        return Answer(204)

    def change_option(self, call: Call, _match: "re.Match[str]") -> Answer:
        """InsertOptionValue, InsertStatusValue, UpdateOptionValue and DeleteOptionValue."""
        action, body = call.resource, call.json()
        solution = body.get("SolutionUniqueName") or solution_of(call)
        self.writes.components.check(solution)
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
        """PublishXml: the body names what to publish (facts §6.7). Only options wait for it in this sandbox."""
        self.organization.demand(call.who.user_id, "prvPublishCustomization")
        text = str(call.json().get("ParameterXml", ""))
        if not re.fullmatch(r"\s*<importexportxml>.*</importexportxml>\s*", text, re.DOTALL):
            raise metadata_bodies.invalid("The ParameterXml of PublishXml is missing or not valid.")
        tables = [self.organization.table(name.strip()) for name in re.findall(r"<entity>([^<]*)</entity>", text)]
        shared = [self.choices.find_set(name.strip()) for name in re.findall(r"<optionset>([^<]*)</optionset>", text)]
        self.choices.publish(tables, shared)
        return Answer(204)

    def publish_all(self, call: Call, _match: "re.Match[str]") -> Answer:
        """PublishAllXml."""
        self.organization.demand(call.who.user_id, "prvPublishCustomization")
        schema = self.organization.schema
        self.choices.publish(list(schema.tables.values()), list(schema.option_sets.values()))
        return Answer(204)
