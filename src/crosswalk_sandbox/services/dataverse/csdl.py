"""`$metadata`: the entity model as XML (facts/dataverse.md §6.10). Types, keys, properties and navigation; no actions."""

from collections.abc import Iterator
from typing import TYPE_CHECKING
from xml.sax.saxutils import quoteattr

from .http import Answer, Call
from .metadata import Column, Table

if TYPE_CHECKING:
    import re

    from .app import Server

EDM = {
    "Integer": "Edm.Int32",
    "BigInt": "Edm.Int64",
    "Decimal": "Edm.Decimal",
    "Money": "Edm.Decimal",
    "Double": "Edm.Double",
    "Boolean": "Edm.Boolean",
    "Picklist": "Edm.Int32",
    "State": "Edm.Int32",
    "Status": "Edm.Int32",
    "Uniqueidentifier": "Edm.Guid",
}
NAMESPACES = 'xmlns:edmx="http://docs.oasis-open.org/odata/ns/edmx"', 'xmlns="http://docs.oasis-open.org/odata/ns/edm"'


def register(server: "Server") -> None:
    """Route $metadata."""

    def answer(_call: Call, _match: "re.Match[str]") -> Answer:
        text = "".join(document(list(server.organization.schema.tables.values())))
        return Answer(200, text.encode(), content_type="application/xml")

    server.routes.add("GET", r"\$metadata", answer)


def document(tables: list[Table]) -> Iterator[str]:
    """The whole document, in pieces."""
    yield f'<?xml version="1.0" encoding="utf-8"?><edmx:Edmx Version="4.0" {NAMESPACES[0]}><edmx:DataServices>'
    yield f'<Schema Namespace="Microsoft.Dynamics.CRM" Alias="mscrm" {NAMESPACES[1]}>'
    for table in tables:
        yield from entity_type(table)
    yield '<EntityContainer Name="System">'
    for table in tables:
        yield f"<EntitySet Name={quoteattr(table.entity_set)} EntityType={quoteattr('Microsoft.Dynamics.CRM.' + table.logical)} />"
    yield "</EntityContainer></Schema></edmx:DataServices></edmx:Edmx>"


def entity_type(table: Table) -> Iterator[str]:
    """One table: its key, its properties, and its navigation properties both ways."""
    yield f"<EntityType Name={quoteattr(table.logical)}><Key><PropertyRef Name={quoteattr(table.primary_id)} /></Key>"
    for name, column in table.properties.items():
        yield f"<Property Name={quoteattr(name)} Type={quoteattr(edm_type(column))} />"
    for name, navigation in table.navigations.items():
        yield f"<NavigationProperty Name={quoteattr(name)} Type={quoteattr('mscrm.' + (navigation.target or 'principal'))} />"
    for name, relationship in table.collections.items():
        yield f"<NavigationProperty Name={quoteattr(name)} Type={quoteattr(f'Collection(mscrm.{relationship.referencing})')} />"
    yield "</EntityType>"


def edm_type(column: Column) -> str:
    """The type of a column's property."""
    if column.is_lookup:
        return "Edm.Guid"
    if column.kind == "DateTime":
        return "Edm.Date" if column.behavior == "DateOnly" else "Edm.DateTimeOffset"
    return EDM.get(column.kind, "Edm.String")
