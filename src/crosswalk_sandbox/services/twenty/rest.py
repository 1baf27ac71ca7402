"""REST core: /rest/{object} and its relatives (facts/twenty.md §2)."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import orjson

from .errors import PlainAnswer, TwentyError, bad_query, bad_value, not_found
from .http import Answer, Call
from .ids import LOOSE_UUID
from .limits import Limits
from .queries import Window, duplicates, find_page, group_by, matching, with_relations
from .records import MAX_UPDATE, Records
from .rest_query import parse_depth, parse_filter, parse_limit, parse_order
from .schema import ObjectType, Row, is_list
from .state import Workspace


@dataclass(slots=True)
class RestCore:
    """The handlers; every one takes the call and its object and gives an answer or raises TwentyError."""

    workspace: Workspace
    records: Records
    limits: Limits

    def handle(self, call: Call) -> Answer:
        """Route a call by its path. Raises TwentyError for an unknown object and for a path of another shape."""
        parts = call.segments()[1:]
        handler: Callable[[Call, ObjectType, list[str]], Answer] | None = None
        name = parts[0] if parts else ""
        if name == "batch" and len(parts) == 2:
            handler, parts = {"POST": self.create_batch, "PATCH": self.update_many}.get(call.method), parts[1:]
        elif name == "restore" and len(parts) == 2 and call.method == "PATCH":
            handler, parts = self.restore_many, parts[1:]
        elif len(parts) == 2 and parts[1] in ("duplicates", "merge", "groupBy"):
            routes = {("POST", "duplicates"): self.duplicates, ("GET", "groupBy"): self.group_by}
            handler = routes.get((call.method, parts[1]))
        elif len(parts) == 2:
            handler = {"GET": self.get, "PATCH": self.update, "PUT": self.update, "DELETE": self.delete}.get(call.method)
        elif len(parts) == 1:
            routes_one = {"GET": self.find, "POST": self.create, "PATCH": self.update_many, "DELETE": self.delete_many}
            handler = routes_one.get(call.method)
        if handler is None:
            raise bad_query(
                f"Query path '{call.path}' invalid. Valid examples: /rest/companies/id or /rest/companies or /rest/batch/companies"
            )
        kind = self.workspace.by_plural.get(parts[0])
        if kind is None:
            raise bad_query(f"object '{parts[0]}' not found. eg: companies")
        if call.by_key:
            self.limits.take()
        call.written.object = kind.name
        return handler(call, kind, parts)

    # -- reading ----------------------------------------------------------------------------------------------------

    def _show(self, kind: ObjectType, rows: list[Row], depth: int) -> list[Row]:
        if depth:
            return [with_relations(self.workspace, kind, row) for row in rows]
        return [self.workspace.shown(kind, row) for row in rows]

    def _filter(self, call: Call) -> Row:
        text = call.parameters().get("filter")
        return parse_filter(text) if text else {}

    def find(self, call: Call, kind: ObjectType, _parts: list[str]) -> Answer:
        """GET /rest/people: a page of rows."""
        query = call.parameters()
        depth = parse_depth(query.get("depth"))
        window = Window(parse_limit(query.get("limit")), query.get("starting_after"), query.get("ending_before"))
        orders = parse_order(query["order_by"]) if query.get("order_by") else []
        page = find_page(self.workspace, kind, self._filter(call), orders, window)
        rows = self._show(kind, page.rows, depth)
        return Answer(200, {"data": {kind.plural: rows}, "totalCount": page.total, "pageInfo": page.info()})

    def get(self, call: Call, kind: ObjectType, parts: list[str]) -> Answer:
        """GET /rest/people/{id}; a soft-deleted row is not found."""
        depth = parse_depth(call.parameters().get("depth"))
        row = self.workspace.table(kind.name).get(self._id(parts))
        if row is None or row["deletedAt"] is not None:
            raise not_found()
        return Answer(200, {"data": {kind.name: self._show(kind, [row], depth)[0]}})

    def _id(self, parts: list[str]) -> str:
        if not LOOSE_UUID.fullmatch(parts[1]):
            raise bad_query(f"'{parts[1]}' is not a valid UUID")
        return parts[1].lower()

    def group_by(self, call: Call, kind: ObjectType, _parts: list[str]) -> Answer:
        """GET /rest/people/groupBy: a bare array (transcripts groupBy, groupBy_agg)."""
        query = call.parameters()
        try:
            dimensions: Any = orjson.loads(query.get("group_by", "[]"))
            aggregates: Any = orjson.loads(query.get("aggregate", "[]"))
        except orjson.JSONDecodeError:
            raise bad_query("'group_by' and 'aggregate' must be JSON arrays") from None
        return Answer(200, group_by(self.workspace, kind, dimensions, aggregates, self._filter(call)))

    def duplicates(self, call: Call, kind: ObjectType, _parts: list[str]) -> Answer:
        """POST /rest/people/duplicates with `ids` or `data` (transcript duplicates_ids)."""
        body: Row = call.json()
        ids: list[Any] = body.get("ids") or []
        given: list[Row] = body.get("data") or []
        sought = self.records.sought(kind, ids, given)
        none = {"hasNextPage": False, "hasPreviousPage": False, "startCursor": None, "endCursor": None}
        answers: list[Row] = []
        for row, key in sought:
            found = duplicates(self.workspace, kind, row, key)
            answers.append({f"{kind.name}Duplicates": self._show(kind, found, 0), "totalCount": len(found), "pageInfo": none})
        return Answer(200, {"data": answers})

    # -- writing ----------------------------------------------------------------------------------------------------

    def _body(self, call: Call) -> Any:
        body = call.json()
        call.check_text()
        return body

    def _actor(self, call: Call) -> Row:
        return call.actor or self.workspace.actor

    def _create(self, call: Call, kind: ObjectType, items: list[Row]) -> list[Row]:
        query = call.parameters()
        depth = parse_depth(query.get("depth"))
        rows = self.records.create(kind, items, self._actor(call), upsert=query.get("upsert") == "true")
        call.written.ids = [row["id"] for row in rows]
        return self._show(kind, rows, depth)

    def create(self, call: Call, kind: ObjectType, _parts: list[str]) -> Answer:
        rows = self._create(call, kind, [self._body(call)])
        return Answer(201, {"data": {f"create{kind.pascal()}": rows[0]}})

    def create_batch(self, call: Call, kind: ObjectType, _parts: list[str]) -> Answer:
        """POST /rest/batch/people with a bare JSON array (transcript batch_not_array)."""
        body = self._body(call)
        if not is_list(body):
            raise TwentyError("args.data.forEach is not a function", kind="TypeError")
        items: list[Row] = body
        return Answer(201, {"data": {f"create{kind.pascal_plural()}": self._create(call, kind, items)}})

    def update(self, call: Call, kind: ObjectType, parts: list[str]) -> Answer:
        key, data = self._id(parts), self._body(call)
        depth = parse_depth(call.parameters().get("depth"))
        row = self.records.update(kind, key, data, self._actor(call))
        call.written.ids = [key]
        return Answer(200, {"data": {f"update{kind.pascal()}": self._show(kind, [row], depth)[0]}})

    def update_many(self, call: Call, kind: ObjectType, _parts: list[str]) -> Answer:
        """PATCH /rest/people?filter: one change for all; an array counts as an object with number keys (patch_batch)."""
        body = self._body(call)
        data: Row = {str(place): item for place, item in enumerate(body)} if is_list(body) else body
        keys = [key for key, _ in matching(self.workspace, kind, self._filter(call))]
        rows = self.records.update_many(kind, keys, data, self._actor(call))
        call.written.ids = keys[:MAX_UPDATE]
        return Answer(200, {"data": {f"update{kind.pascal_plural()}": self._show(kind, rows, 0)}})

    def delete(self, call: Call, kind: ObjectType, parts: list[str]) -> Answer:
        """DELETE /rest/people/{id}: destroys unless soft_delete=true (facts/twenty.md §2)."""
        key = self._id(parts)
        row = self.workspace.table(kind.name).get(key)
        soft = call.parameters().get("soft_delete") == "true"
        if row is None or (soft and row["deletedAt"] is not None):
            self.records.allow(kind, "delete", self._actor(call))
            raise not_found()
        call.written.ids = [key]
        if soft:
            shown = self._show(kind, self.records.mark(kind, [key], self._actor(call), deleted=True), 0)[0]
        else:
            shown = {"id": self.records.destroy(kind, [key], self._actor(call))[0]}
        return Answer(200, {"data": {f"delete{kind.pascal()}": shown}})

    def delete_many(self, call: Call, kind: ObjectType, _parts: list[str]) -> Answer:
        """DELETE /rest/people?filter: without a limit on rows; a filter is mandatory (transcripts delete_many_*)."""
        tree = self._filter(call)
        soft = call.parameters().get("soft_delete") == "true"
        if not tree:
            raise bad_value(
                "Filters are mandatory for bulk delete operations. "
                "Please provide at least one filter to prevent accidental deletion of all records."
            )
        found = matching(self.workspace, kind, tree if soft else {"and": [tree, {"or": [ANY_DELETED, NONE_DELETED]}]})
        keys = [key for key, _ in found]
        call.written.ids = keys
        if soft:
            rows = self._show(kind, self.records.mark(kind, keys, self._actor(call), deleted=True), 0)
        else:
            rows = [{"id": key} for key in self.records.destroy(kind, keys, self._actor(call))]
        return Answer(200, {"data": {f"delete{kind.pascal_plural()}": rows}})

    def restore_many(self, call: Call, kind: ObjectType, _parts: list[str]) -> Answer:
        """PATCH /rest/restore/people?filter: needs no deletedAt filter (transcript restore_many)."""
        tree = {"and": [self._filter(call), {"deletedAt": {"is": "NOT_NULL"}}]}
        keys = [key for key, _ in matching(self.workspace, kind, tree)]
        call.written.ids = keys
        rows = self.records.mark(kind, keys, self._actor(call), deleted=False)
        return Answer(200, {"data": {f"restore{kind.pascal_plural()}": self._show(kind, rows, 0)}})


ANY_DELETED: Row = {"deletedAt": {"is": "NOT_NULL"}}
NONE_DELETED: Row = {"deletedAt": {"is": "NULL"}}


def refused(error: TwentyError | PlainAnswer) -> Answer:
    """A refusal as a REST answer; a bare text body is JSON-encoded text (transcript meta_create_field_notnull_text)."""
    if isinstance(error, PlainAnswer):
        if error.body == "request entity too large":
            return Answer(error.status, error.body.encode(), "text/html; charset=utf-8")
        return Answer(error.status, error.body)
    return Answer(error.status, error.rest_body())
