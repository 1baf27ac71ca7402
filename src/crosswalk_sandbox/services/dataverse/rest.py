"""Rows over HTTP: reading, creating, changing, deleting, links (facts/dataverse.md §2, §3, §8)."""

import re
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from . import bodies, keys, query
from .clock import new_id
from .errors import DataverseError, bad_query, no_property, not_found
from .http import Answer, Call
from .metadata import Row, Table
from .query import Query
from .reading import Reader, many_to_many
from .shapes import etag

if TYPE_CHECKING:
    from .app import Server

KEY = r"\(((?:[^()']|'(?:[^']|'')*')*)\)"
MISMATCH = "The version of the existing record doesn't match the RowVersion property provided."


def register(server: "Server") -> None:
    """Route rows; these patterns are the widest, so they come last."""
    rest = Rest(server)
    routes = server.routes
    routes.add("GET", r"(\w+)/\$count", rest.count)
    routes.add("GET", r"(\w+)", rest.list)
    routes.add("POST", r"(\w+)", rest.create)
    routes.add("GET", rf"(\w+){KEY}", rest.read)
    routes.add("PATCH", rf"(\w+){KEY}", rest.write)
    routes.add("DELETE", rf"(\w+){KEY}", rest.delete)
    routes.add("GET", rf"(\w+){KEY}/(\w+)(/\$ref|/\$value|/\$count)?", rest.read_part)
    routes.add("PUT", rf"(\w+){KEY}/(\w+)/\$ref", rest.link)
    routes.add("POST", rf"(\w+){KEY}/(\w+)/\$ref", rest.link)
    routes.add("DELETE", rf"(\w+){KEY}/(\w+)(?:{KEY})?/\$ref", rest.unlink)
    routes.add("PUT", rf"(\w+){KEY}/(\w+)", rest.set_part)
    routes.add("DELETE", rf"(\w+){KEY}/(\w+)", rest.clear_part)


class Rest:
    """The handlers."""

    def __init__(self, server: "Server") -> None:
        self.server = server

    def table(self, match: "re.Match[str]") -> Table:
        return self.server.organization.by_set(match.group(1))

    def found(self, match: "re.Match[str]") -> tuple[Table, Row]:
        """The row that the URL names. Raises DataverseError 404."""
        table = self.table(match)
        return table, keys.row_named(self.server.organization, table, match.group(2))

    # -- reading ----------------------------------------------------------------------------------------------------

    def list(self, call: Call, match: "re.Match[str]") -> Answer:
        table = self.table(match)
        self.server.organization.demand(call.who.user_id, f"prvRead{table.schema}")
        asked = query.read(call.parameters())
        reader = Reader(self.server.organization, call)
        rows = reader.filters.candidates(table, asked.filter)
        kept = [part for part in call.query_string.split("&") if part and not part.startswith(("$skiptoken=", "%24skiptoken="))]
        url = f"{call.base_url}{call.path}" + ("?" + "&".join(kept) if kept else "")
        return self._answered(call, Answer(200, reader.page(table, rows, asked, url)))

    def count(self, call: Call, match: "re.Match[str]") -> Answer:
        """`/set/$count`: plain text, capped (facts §8)."""
        table = self.table(match)
        asked = query.read(call.parameters())
        reader = Reader(self.server.organization, call)
        found = reader.chosen(table, reader.filters.candidates(table, asked.filter), Query(filter=asked.filter))
        return Answer(200, str(min(len(found), 5000)).encode(), content_type="text/plain")

    def read(self, call: Call, match: "re.Match[str]") -> Answer:
        table, row = self.found(match)
        self.server.organization.demand(call.who.user_id, f"prvRead{table.schema}")
        asked = query.read(call.parameters())
        reader = Reader(self.server.organization, call)
        if call.header("if-none-match") == etag(row) and not asked.expand and not reader.annotations:
            return Answer(304)
        reader.check_expand(table, asked)
        return self._answered(call, Answer(200, reader.row(table, row, asked), {"ETag": etag(row)}))

    def read_part(self, call: Call, match: "re.Match[str]") -> Answer:
        """A column's value, a neighbour, neighbours, or their addresses."""
        table, row = self.found(match)
        name, suffix = match.group(3), match.group(4) or ""
        base = f"{call.base_url}/api/data/v9.2"
        column = table.properties.get(name)
        if column is not None and name not in table.navigations:
            value = row.get(column.logical)
            if suffix == "/$value":
                return Answer(200, str(value).encode(), content_type="text/plain") if value is not None else Answer(204)
            context = f"{base}/$metadata#{table.entity_set}({row[table.primary_id]})/{name}"
            return Answer(200, {"@odata.context": context, "value": value}) if value is not None else Answer(204)
        reader = Reader(self.server.organization, call)
        asked = query.read(call.parameters())
        if name in table.navigations:
            return self._neighbour(reader, table, row, name, asked, base, addresses=suffix == "/$ref")
        child, rows = reader.related(table, row, name)
        if suffix == "/$count":
            return Answer(200, str(len(reader.chosen(child, rows, Query(filter=asked.filter)))).encode(), content_type="text/plain")
        if suffix == "/$ref":
            listed = [{"@odata.id": f"{base}/{child.entity_set}({item[child.primary_id]})"} for item in rows]
            return Answer(200, {"@odata.context": f"{base}/$metadata#Collection($ref)", "value": listed})
        return self._answered(call, Answer(200, reader.page(child, rows, asked, f"{call.base_url}{call.path}")))

    def _neighbour(self, reader: Reader, table: Table, row: Row, name: str, asked: Query, base: str, *, addresses: bool) -> Answer:
        organization = self.server.organization
        place = table.navigations[name]
        target = organization.target_of(table, place.column, row)
        if target is None or place.target not in (None, target):
            return Answer(204)
        shape = organization.table(target)
        if addresses:
            address = f"{base}/{shape.entity_set}({row[place.column]})"
            return Answer(200, {"@odata.context": f"{base}/$metadata#$ref", "@odata.id": address})
        return Answer(200, reader.row(shape, organization.get(target, row[place.column]), asked))

    def _answered(self, call: Call, answer: Answer) -> Answer:
        applied = [
            f'{name}="{value}"' if name == "odata.include-annotations" else f"{name}={value}" if value else name
            for name, value in call.prefers().items()
            if name in ("odata.maxpagesize", "odata.include-annotations", "return")
        ]
        if applied:
            answer.headers["Preference-Applied"] = ",".join(applied)
        return answer

    # -- writing ----------------------------------------------------------------------------------------------------

    def create(self, call: Call, match: "re.Match[str]") -> Answer:
        table = self.table(match)
        row = self.server.records.create(table, self._body(call, table), call.who)
        return self._written(call, table, row, created=True)

    def write(self, call: Call, match: "re.Match[str]") -> Answer:
        """PATCH: update, or create when there is no such row and nothing forbids it (facts §2, §3.2, §3.3)."""
        table = self.table(match)
        name = keys.parse(table, match.group(2))
        organization, records = self.server.organization, self.server.records
        row = organization.find(table.logical, name) if isinstance(name, str) else keys.find(organization, table, name)
        values = self._body(call, table)
        wanted = call.header("if-match")
        if row is None:
            if wanted is not None:
                raise not_found(table.logical, name) if isinstance(name, str) else keys.missing(table)
            known: Row = {table.primary_id: name} if isinstance(name, str) else _as_body(table, name, values)
            return self._written(call, table, records.create(table, known | values, call.who), created=True)
        if call.header("if-none-match") == "*":
            raise DataverseError(412, "0x80040237", "A record with matching key values already exists.")
        if wanted not in (None, "*", etag(row)):
            raise DataverseError(412, "0x80060882", MISMATCH)
        dropped = [table.primary_id] if isinstance(name, str) else [table.columns[column].property_name for column in name]
        kept = {key: value for key, value in values.items() if key not in dropped}
        if not kept and not values and not isinstance(name, dict):
            raise DataverseError(400, "0x80048d19", "Empty Payload Recieved. Payload should contain atleast one property.")
        row = records.update(table, row[table.primary_id], kept, call.who)
        return self._written(call, table, row, created=False)

    def _body(self, call: Call, table: Table) -> Any:
        body = call.json()
        if not bodies.is_object(body):
            raise DataverseError(400, "0x80048d19", f"The body of a write to {table.entity_set} must be a JSON object.")
        return body

    def _written(self, call: Call, table: Table, row: Row, *, created: bool) -> Answer:
        row_id: str = row[table.primary_id]
        call.written.object, call.written.ids = table.logical, [row_id]
        address = f"{call.base_url}/api/data/v9.2/{table.entity_set}({row_id})"
        if call.prefers().get("return") == "representation":
            stored = self.server.organization.get(table.logical, row_id)
            body = Reader(self.server.organization, call).row(table, stored, query.read(call.parameters()))
            headers = {"ETag": etag(stored), "Location": address} if created else {"ETag": etag(stored)}
            return self._answered(call, Answer(201 if created else 200, body, headers))
        headers = {"OData-EntityId": address}
        if created:
            headers["Location"] = address
        return Answer(204, None, headers)

    def delete(self, call: Call, match: "re.Match[str]") -> Answer:
        table, row = self.found(match)
        wanted = call.header("if-match")
        if wanted not in (None, "*", etag(row)):
            raise DataverseError(412, "0x80060882", MISMATCH)
        row_id: str = row[table.primary_id]
        self.server.records.delete(table, row_id, call.who)
        call.written.object, call.written.ids = table.logical, [row_id]
        return Answer(204)

    # -- one column, one link ---------------------------------------------------------------------------------------

    def set_part(self, call: Call, match: "re.Match[str]") -> Answer:
        """PUT of one column: `{"value": …}`."""
        table, row = self.found(match)
        if match.group(3) not in table.properties:
            raise no_property(match.group(3), table.logical)
        self.server.records.update(table, row[table.primary_id], {match.group(3): call.json().get("value")}, call.who)
        call.written.object, call.written.ids = table.logical, [row[table.primary_id]]
        return Answer(204)

    def clear_part(self, call: Call, match: "re.Match[str]") -> Answer:
        """DELETE of one column's value."""
        table, row = self.found(match)
        if match.group(3) not in table.properties:
            raise no_property(match.group(3), table.logical)
        self.server.records.update(table, row[table.primary_id], {match.group(3): None}, call.who)
        call.written.object, call.written.ids = table.logical, [row[table.primary_id]]
        return Answer(204)

    def link(self, call: Call, match: "re.Match[str]") -> Answer:
        """PUT of a lookup's $ref, or POST to a collection's: both take {"@odata.id": address}."""
        table, row = self.found(match)
        name, address = match.group(3), call.json().get("@odata.id", "")
        organization, records = self.server.organization, self.server.records
        if name in table.navigations:
            records.update(table, row[table.primary_id], {f"{name}@odata.bind": address}, call.who)
            return Answer(204)
        target, other = bodies.resolve(organization, table, address)
        relationship = table.collections.get(name)
        if relationship is not None and target.logical == relationship.referencing:
            bound = {f"{relationship.navigation}@odata.bind": f"/{table.entity_set}({row[table.primary_id]})"}
            records.update(target, other[target.primary_id], bound, call.who)
            return Answer(204)
        pair = many_to_many(organization, table, name)
        if pair is None:
            raise no_property(name, table.logical)
        self._pair(pair.intersect, table, row, target, other)
        return Answer(204)

    def _pair(self, intersect: str, table: Table, row: Row, target: Table, other: Row) -> None:
        """Join two rows; joining them again changes nothing."""
        organization = self.server.organization
        second = target.primary_id + ("two" if target is table else "")
        values = {table.primary_id: row[table.primary_id], second: other[target.primary_id]}
        if any(all(item.get(k) == v for k, v in values.items()) for item in organization.scan(intersect)):
            raise DataverseError(412, "0x80040237", "Cannot insert duplicate key.")
        pair_id = new_id()
        organization.put(intersect, pair_id, {organization.table(intersect).primary_id: pair_id, **values})

    def unlink(self, call: Call, match: "re.Match[str]") -> Answer:
        """DELETE of a lookup's $ref, or of one member of a collection: `nav(id)/$ref` or `nav/$ref?$id=address`."""
        table, row = self.found(match)
        name = match.group(3)
        organization, records = self.server.organization, self.server.records
        if name in table.navigations:
            records.update(table, row[table.primary_id], {name: None}, call.who)
            return Answer(204)
        relationship, pair = table.collections.get(name), many_to_many(organization, table, name)
        member = match.group(4) or urlsplit(call.parameters().get("$id", "")).path.rpartition("(")[2].rstrip(")")
        if relationship is not None:
            child = organization.table(relationship.referencing)
            records.update(child, member, {relationship.navigation: None}, call.who)
            return Answer(204)
        if pair is None:
            raise no_property(name, table.logical)
        for item in list(organization.scan(pair.intersect)):
            if row[table.primary_id] in item.values() and member in item.values():
                organization.put(pair.intersect, item[organization.table(pair.intersect).primary_id], None)
        return Answer(204)


def _as_body(table: Table, key: Row, values: Row) -> Row:
    """The key's values as body properties for a creation; the body's own win (facts §3.3)."""
    made: Row = {}
    for name, value in key.items():
        column = table.columns[name]
        if column.is_lookup:
            raise bad_query(f"Creating by a key with the lookup '{name}' needs its @odata.bind in the body.")
        if name not in values:
            made[name] = value
    return made
