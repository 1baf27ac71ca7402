"""`?fetchXml=<fetch>…` on an entity set: joins, filters, aggregates and pages, compiled to SQL (facts/dataverse.md §8, §12)."""

import xml.etree.ElementTree as ElementTree
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from .conditions import column, condition, joined
from .errors import bad_query, no_property
from .http import Answer, Call
from .metadata import Column, Table
from .tabular import quoted, select

if TYPE_CHECKING:
    from .app import Server

Element = ElementTree.Element
PAGE = 5000
FORMATTED = "OData.Community.Display.V1.FormattedValue"
AGGREGATES = {
    "count": "COUNT(*)",
    "countcolumn": "COUNT({})",
    "sum": "SUM({})",
    "avg": "AVG({})",
    "min": "MIN({})",
    "max": "MAX({})",
}


def register(server: "Server") -> None:
    """Answer lists that are asked for in FetchXML."""
    server.gates.append(lambda call: gate(server, call))


def gate(server: "Server", call: Call) -> Answer | None:
    """Rows of a <fetch>; other requests pass. Raises DataverseError 400 for one that cannot be read."""
    if call.method != "GET" or "fetchXml" not in call.query_string:
        return None
    text = call.parameters().get("fetchXml")
    if text is None or call.resource not in server.organization.schema.sets:
        return None
    try:
        root = ElementTree.fromstring(text)
    except ElementTree.ParseError:
        raise bad_query("Invalid XML.") from None
    entity = root.find("entity")
    if root.tag != "fetch" or entity is None:
        raise bad_query("The fetchXml must be a <fetch> with one <entity>.")
    table = server.organization.by_set(call.resource)
    if entity.get("name") != table.logical:
        raise bad_query(f"The entity of the fetchXml is not the one of the URL, '{table.logical}'.")
    return Fetch(server, root).answer(call, entity)


@dataclass(slots=True)
class Output:
    """One column of the answer; `source` is None for an aggregate."""

    name: str
    source: Column | None


@dataclass(slots=True)
class Parts:
    """The pieces of the SELECT while the XML is walked."""

    columns: list[str] = field(default_factory=list[str])
    outputs: list[Output] = field(default_factory=list[Output])
    joins: list[str] = field(default_factory=list[str])
    where: list[tuple[str, list[Any]]] = field(default_factory=list[tuple[str, list[Any]]])
    joined_values: list[Any] = field(default_factory=list[Any])
    groups: list[str] = field(default_factory=list[str])
    orders: list[str] = field(default_factory=list[str])


class Fetch:
    """One <fetch> while it is compiled."""

    def __init__(self, server: "Server", root: Element) -> None:
        self.server = server
        self.root = root
        self.parts = Parts()
        self.needed: dict[str, set[str]] = {}
        self.tables: dict[str, Table] = {}
        self.aggregate = root.get("aggregate") == "true"

    def answer(self, call: Call, entity: Element) -> Answer:
        """The rows of one page, with the cookie of the next (facts §8)."""
        table = self.server.organization.table(str(entity.get("name")))
        self.walk(entity, table, table.logical, outermost=True)
        page = int(self.root.get("page") or 1)
        size = min(int(self.root.get("count") or PAGE), PAGE)
        top = self.root.get("top")
        sql, values = self.sql(table)
        binned = self.server.switches.bin if self.root.get("datasource") == "bin" else None  # facts §0.12
        _, rows = select(self.server.organization, sql, values, self.needed, binned)
        rows = rows[: int(top)] if top else rows
        first = (page - 1) * size
        chosen = rows[first : first + size]
        annotated = FORMATTED in call.headers.get("prefer", "") or '"*"' in call.headers.get("prefer", "")
        body: dict[str, Any] = {
            "@odata.context": f"{call.base_url}/api/data/v9.2/$metadata#{table.entity_set}",
            "@Microsoft.Dynamics.CRM.morerecords": len(rows) > first + size,
            "value": [self.shown(table, row, annotated) for row in chosen],
        }
        if self.root.get("returntotalrecordcount") == "true":
            body["@Microsoft.Dynamics.CRM.totalrecordcount"] = min(len(rows), PAGE)
        if len(rows) > first + size:
            body["@Microsoft.Dynamics.CRM.fetchxmlpagingcookie"] = _cookie(page, table)
        return Answer(200, body)

    def sql(self, table: Table) -> tuple[str, list[Any]]:
        parts = self.parts
        where, values = joined(parts.where, "and")
        distinct = "DISTINCT " if self.root.get("distinct") == "true" else ""
        group = f" GROUP BY {', '.join(parts.groups)}" if parts.groups else ""
        order = f" ORDER BY {', '.join(parts.orders)}" if parts.orders else ""
        chosen = ", ".join(parts.columns)
        return (
            f"SELECT {distinct}{chosen} FROM {quoted(table.logical)} {' '.join(parts.joins)} WHERE {where}{group}{order}",
            [*parts.joined_values, *values],
        )

    # -- walking the XML --------------------------------------------------------------------------------------------

    def walk(self, element: Element, table: Table, alias: str, *, outermost: bool) -> None:
        """Take in an <entity> or a <link-entity> with everything inside it."""
        self.tables[alias] = table
        self.needed.setdefault(table.logical, set()).add(table.primary_id)
        prefix = "" if outermost else f"{alias}."
        listed = element.findall("attribute")
        if element.find("all-attributes") is not None or (outermost and not listed and not self.aggregate):
            listed = [Element("attribute", {"name": name}) for name, known in table.columns.items() if known.read]
        elif outermost and not self.aggregate and self.root.get("distinct") != "true":
            listed = [Element("attribute", {"name": table.primary_id}), *listed]
        for item in {(item.get("name"), item.get("alias")): item for item in listed}.values():
            self.attribute(item, table, alias, prefix)
        for item in element.findall("link-entity"):
            self.link(item, alias)
        for item in element.findall("filter"):
            self.parts.where.append(self.filtered(item, table, alias))
        for item in element.findall("order"):
            self.order(item, table, alias)

    def place(self, table: Table, alias: str, name: str | None) -> str:
        """SQL for a column. Raises DataverseError 400 when the table has none of that name."""
        if name is None or name not in table.columns:
            raise no_property(str(name), table.logical)
        self.needed.setdefault(table.logical, set()).add(name)
        return column(alias, name)

    def attribute(self, item: Element, table: Table, alias: str, prefix: str) -> None:
        name = str(item.get("name"))
        place = self.place(table, alias, name)
        known: Column | None = table.columns[name]
        shown = item.get("alias") or prefix + known.property_name
        function = item.get("aggregate")
        if function is not None:
            pattern = AGGREGATES.get(function)
            if pattern is None or not self.aggregate:
                raise bad_query(f"The aggregate '{function}' is not supported here.")
            place = pattern.format(("DISTINCT " if item.get("distinct") == "true" else "") + place)
            known = known if function in ("min", "max") else None
        elif item.get("groupby") == "true":
            self.parts.groups.append(place)
        self.parts.columns.append(f"{place} AS {quoted(shown)}")
        self.parts.outputs.append(Output(shown, known))

    def link(self, item: Element, outer: str) -> None:
        """A join; `from` is the column of the linked table, `to` the column of the one around it."""
        table = self.server.organization.table(str(item.get("name")))
        alias = item.get("alias") or f"{table.logical}{len(self.tables)}"
        inner = self.place(table, alias, item.get("from"))
        around = self.place(self.tables[outer], outer, item.get("to"))
        kind = {"inner": "JOIN", "outer": "LEFT JOIN"}.get(item.get("link-type") or "inner")
        if kind is None:
            raise bad_query(f"The link-type '{item.get('link-type')}' is not supported by this sandbox.")
        self.parts.joins.append(f"{kind} {quoted(table.logical)} AS {quoted(alias)} ON {inner} = {around}")
        if kind == "LEFT JOIN":  # its own filters belong to the join, not to the whole
            for found in item.findall("filter"):
                sql, values = self.filtered(found, table, alias)
                self.parts.joins[-1] += f" AND {sql}"
                self.parts.joined_values += values
                item.remove(found)
        self.walk(item, table, alias, outermost=False)

    def filtered(self, item: Element, table: Table, alias: str) -> tuple[str, list[Any]]:
        """A <filter> with its conditions and inner filters."""
        found: list[tuple[str, list[Any]]] = []
        for inner in item:
            if inner.tag == "filter":
                found.append(self.filtered(inner, table, alias))
            elif inner.tag == "condition":
                owner = inner.get("entityname") or alias
                shape = self.tables.get(owner, table)
                place = self.place(shape, owner, inner.get("attribute"))
                known = shape.columns[str(inner.get("attribute"))]
                texts = [value.text or "" for value in inner.findall("value")] or [inner.get("value", "")]
                found.append(condition(place, str(inner.get("operator")), [_typed(known, text) for text in texts]))
        return joined(found, item.get("type") or "and")

    def order(self, item: Element, table: Table, alias: str) -> None:
        """By an attribute, or by the alias of an aggregate."""
        place = quoted(str(item.get("alias"))) if item.get("alias") else self.place(table, alias, item.get("attribute"))
        self.parts.orders.append(f"{place} DESC" if item.get("descending") == "true" else place)

    # -- showing ----------------------------------------------------------------------------------------------------

    def shown(self, table: Table, row: tuple[Any, ...], annotated: bool) -> dict[str, Any]:
        """A row of the answer; empty cells are left out, as FetchXML does."""
        made: dict[str, Any] = {}
        for output, value in zip(self.parts.outputs, row, strict=True):
            if value is None:
                continue
            source = output.source
            made[output.name] = bool(value) if source is not None and source.kind == "Boolean" else value
            option = source.options.find(int(value)) if source is not None and source.options is not None else None
            if annotated and option is not None:
                made[f"{output.name}@{FORMATTED}"] = option.label
        held = self.server.organization.find(table.logical, str(made.get(table.primary_id)))
        return made if held is None or self.aggregate else {"@odata.etag": f'W/"{held["versionnumber"]}"', **made}


def _typed(known: Column, text: str) -> Any:
    """A condition's value as the column keeps it."""
    if known.kind == "Boolean":
        return int(text.lower() in ("1", "true"))
    if known.kind in ("Integer", "BigInt", "Picklist", "State", "Status"):
        return int(text) if text.lstrip("-").isdigit() else text
    if known.kind in ("Decimal", "Double", "Money"):
        return float(text) if text.replace(".", "", 1).lstrip("-").isdigit() else text
    return text.strip("{}").lower() if known.is_lookup or known.kind == "Uniqueidentifier" else text


def _cookie(page: int, table: Table) -> str:
    """The cookie of the next page, encoded twice as the server does."""
    inner = quote(quote(f'<cookie page="{page}"><{table.primary_id} last="" first="" /></cookie>', safe=""), safe="")
    return f'<cookie pagenumber="{page + 1}" pagingcookie="{inner}" istracking="False" />'
