"""Bringing a sandbox into the state that a recorded call found: the rows, objects and fields that earlier calls had left.

Everything here follows from the recordings by rule; no call is named.
"""

import base64
import json
import re
from typing import Any
from urllib.parse import parse_qsl, quote, unquote, urlsplit

from crosswalk_sandbox.services.twenty.app import Server
from crosswalk_sandbox.services.twenty.errors import TwentyError
from crosswalk_sandbox.services.twenty.files import StoredFile
from crosswalk_sandbox.services.twenty.ids import new_id
from crosswalk_sandbox.services.twenty.schema import is_list, is_row, unique_value

from .arrange_schema import SchemaArrangement
from .recorded import Case, Known, Row, records_in

UUID = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}")
EQUAL = re.compile(r"([\w.]+)\[eq\]:\"?([^\",()]+)\"?$")


class Arrangement:
    """The state for one case in a freshly reset server."""

    def __init__(self, server: Server, case: Case, known: Known) -> None:
        self.server = server
        self.workspace = server.workspace
        self.case = case
        self.known = known
        self.own = known.rows_of(case)
        self.before = known.rows_before(case)

    def run(self) -> None:
        """Arrange schema, rows, files, limits; in that order."""
        self.server.workflow.active = False
        SchemaArrangement(self.server, self.case, self.known).run()
        self._rows()
        self._targets()
        self._rules()

    # -- rows -------------------------------------------------------------------------------------------------------

    def put(self, name: str, row: Row) -> None:
        """Store a row as shown; a row of ours that holds one of its unique values makes way."""
        table = self.workspace.table(name)
        full = {**table.kind.template, **{column: value for column, value in row.items() if column in table.kind.template}}
        for field in table.kind.unique:
            value = unique_value(field, full)
            owner = table.owner(field.name, value) if value is not None else None
            if owner is not None and owner != row["id"]:
                table.remove(owner, table.get(owner) or {})
        old = table.get(row["id"])
        if old is not None:
            table.remove(row["id"], old)
        table.insert(row["id"], full)

    def _rows(self) -> None:
        for (name, _), row in self.before.items():
            if name in self.workspace.kinds:
                self.put(name, row)
        operation = self._operation()
        for name, row in self.own:
            earlier = self.before.get((name, row["id"]))
            if operation == "create" and not self.upserting:
                self._take_out(name, row["id"])
            elif operation == "create" and earlier is None:
                continue
            elif operation in ("update", "create"):
                self.put(name, self._unchanged(row, earlier or row))
            else:
                self.put(name, self._earlier(row, operation))
        self._requested()
        self._named_in_path()

    @property
    def upserting(self) -> bool:
        return "upsert=true" in self.case.path or "upsert:true" in json.dumps(self.case.request)

    def _take_out(self, name: str, key: str) -> None:
        table = self.workspace.table(name)
        row = table.get(key)
        if row is not None:
            table.remove(key, row)

    def _unchanged(self, row: Row, earlier: Row) -> Row:
        """A row before an update: what the request does not name was as the answer shows it."""
        items = self.case.request if is_list(self.case.request) else [self.case.request]
        named = {column for item in items for column in item} | {"updatedAt", "updatedBy", "deletedAt"[: 99 * self.upserting]}
        named |= {f"{column}Id" for column in named}
        return {**row, **{column: value for column, value in earlier.items() if column in named}}

    def _named_in_path(self) -> None:
        """The row that a path names by its id: there if the call succeeded, soft-deleted or gone if a list does not show it."""
        parts = urlsplit(self.case.path).path.split("/")
        kind = next((kind for kind in self.workspace.by_plural.values() if kind.plural in parts), None)
        if kind is None:
            return
        if UUID.fullmatch(parts[-1]) and self.case.succeeded and parts[-1] not in self.workspace.table(kind.name):
            self.put(kind.name, self.blank(kind.name, parts[-1]))
        if self.case.succeeded and self._operation() == "read" and not self.own:
            for key in UUID.findall(urlsplit(self.case.path).query):
                row = self.workspace.table(kind.name).get(key)
                if row is not None and "deletedAt" in self.case.path:
                    self._take_out(kind.name, key)
                elif row is not None:
                    self.put(kind.name, {**row, "deletedAt": "2026-11-21T09:00:00.000Z"})

    def _operation(self) -> str:
        """What the call does to the rows that it shows: read, create, update, soft, restore, destroy."""
        if self.case.path == "/graphql":
            word = re.match(r"mutation[^{]*\{(create|update|delete|restore|destroy)?", self.case.request["query"])
            said = word.group(1) if word else "read"
            return "soft" if said == "delete" else said or "other"
        if self.case.method == "GET":
            return "read"
        if self.case.method == "DELETE":
            return "soft" if "soft_delete" in self.case.path else "destroy"
        if "/restore/" in self.case.path:
            return "restore"
        return "create" if self.case.method == "POST" else "update"

    def _earlier(self, row: Row, operation: str) -> Row:
        """A row as it must have been before a call that shows it after."""
        if operation == "soft":
            return {**row, "deletedAt": None}
        if operation == "restore":
            return {**row, "deletedAt": row["updatedAt"]}
        return row

    def _requested(self) -> None:
        """Rows that a GraphQL call names by id and that only GraphQL calls had made; deleted ones for a restore."""
        if self.case.path != "/graphql" or not self.case.succeeded:
            return
        if self._operation() == "create" and not self.upserting:
            return
        named = UUID.findall(json.dumps(self.case.request["variables"]))
        data: Row = self.case.body.get("data") or {}
        people: Any = data.get("people")
        edges: list[Row] = people.get("edges", []) if is_row(people) else []
        for key in dict.fromkeys([*named, *(str(edge["node"]["id"]) for edge in edges)]):
            if re.search("[pP]erson|[pP]eople", self.case.request["query"]) and key not in self.workspace.table("person"):
                made = self._created(key)
                deleted = "2026-11-21T10:00:00.000Z" if self._operation() == "restore" else None
                self.put("person", {**self.blank("person", key), **made, "deletedAt": deleted})

    def _created(self, key: str) -> Row:
        """What an earlier GraphQL create sent for an id."""
        for case in self.known.cases:
            sent = case.request.get("variables", {}).get("d") if is_row(case.request) else None
            for item in sent if is_list(sent) else []:
                if item.get("id") == key and case.moment < self.case.moment and "name" in item:
                    first = item["name"].get("firstName", "")
                    moments = {"createdAt": "2015-01-01T00:00:00.000Z"} if "createdAt" in item else {}
                    return {"name": {"firstName": first, "lastName": ""}, **moments}
        return {}

    def blank(self, name: str, key: str) -> Row:
        kind = self.workspace.kinds[name]
        now = "2026-11-21T09:00:00.000Z"
        return {**kind.template, "id": key, "createdAt": now, "updatedAt": now, "position": 1}

    def _targets(self) -> None:
        """Rows that a join column of the request or of an arranged row points at; not when the call failed for want of them."""
        if not self.case.succeeded and "foreign key" in json.dumps(self.case.body):
            return
        wanted: list[tuple[str, Row]] = [*self.own, *((name, row) for (name, _), row in self.before.items())]
        fresh = {row["id"] for _, row in self.own} if self._operation() == "create" and not self.upserting else set[str]()
        parts = self.case.path.split("?")[0].split("/")
        kind = next((kind for kind in self.workspace.by_plural.values() if kind.plural in parts), None)
        items = self.case.request if is_list(self.case.request) else [self.case.request]
        wanted += [(kind.name, item) for item in items if kind is not None and is_row(item)]
        for name, row in wanted:
            for column, field in self.workspace.kinds[name].joins.items() if name in self.workspace.kinds else ():
                target = self.workspace.kind_by_id(field.target_object_id or "")
                key = row.get(column)
                if key in fresh:
                    continue
                if isinstance(key, str) and UUID.fullmatch(key) and key not in self.workspace.table(target.name):
                    self.put(target.name, self.blank(target.name, key))

    # -- what single answers imply ----------------------------------------------------------------------------------

    def _rules(self) -> None:
        self._files()
        self._positions()
        self._matched()
        self._counts()
        self._limits()
        self._webhooks()
        self._workflow()

    def _files(self) -> None:
        """Files that a successful call attaches were uploaded before."""
        request: Any = self.case.request
        files: list[Row] = request.get("file", []) if is_row(request) else []
        for item in files:
            if self.case.succeeded:
                stored = StoredFile(item["fileId"], item["label"], 1, "", 0, b"x", complete=True)
                self.workspace.files.files[stored.id] = stored

    def _positions(self) -> None:
        """The first created row's position tells the lowest one before it."""
        if self._operation() != "create":
            return
        made = [(name, row) for name, row in self.own if not self.upserting or (name, row["id"]) not in self.before]
        for name in {name for name, _ in made}:
            highest = max(row["position"] for other, row in made if other == name)
            self.workspace.table(name).lowest = highest + 1 if highest < 0 or name in ("person", "company") else None

    def _plain_filter(self) -> tuple[str, Row] | None:
        """The object and the columns that an equality filter of the path names."""
        query = dict(parse_qsl(urlsplit(self.case.path).query))
        match = EQUAL.fullmatch(query.get("filter", ""))
        name = urlsplit(self.case.path).path.split("/")[-1]
        if match is None or name not in self.workspace.by_plural:
            return None
        column, value = match.groups()
        kind = self.workspace.by_plural[name]
        head, _, part = column.partition(".")
        if head not in kind.template:
            return None
        return kind.name, {head: {**kind.template[head], part: value} if part else value}

    def _matched(self) -> None:
        """Rows that a write by filter names in its answer, where no call showed them."""
        said = self._plain_filter()
        if said is None or self._operation() == "read":
            return
        name, columns = said
        table = self.workspace.table(name)
        for key in UUID.findall(json.dumps(self.case.body)):
            if key not in table:
                self.put(name, {**self.blank(name, key), **columns, "deletedAt": None})
            row = table.get(key) or {}
            self.put(name, {**row, **columns})

    def _counts(self) -> None:
        """Further rows where the answer counts more than any call showed; groups as a groupBy shows them."""
        body: Any = self.case.body
        path = urlsplit(unquote(self.case.path)).path.split("/")
        name = self.workspace.by_plural[path[2]].name if len(path) > 2 and path[2] in self.workspace.by_plural else ""
        if is_list(body) and path[-1] == "groupBy":
            self._groups(name, body)
        elif is_row(body) and isinstance(body.get("totalCount"), int) and name and self.case.method == "GET":
            self._fill(name, body["totalCount"])
        elif "more than 200 records" in json.dumps(body):
            for _ in range(201):
                self.put(name, self.blank(name, new_id()))
        elif is_row(body) and '"totalCount"' in json.dumps(body) and "graphql" in self.case.path:
            self._aggregates(body)

    def _fill(self, name: str, total: int) -> None:
        """Clones of the last shown row that sort behind it, so many that the count is reached."""
        shown = [row for other, row in self.own if other == name]
        table = self.workspace.table(name)
        listed = records_in(self.case.body, None, self.known.names())
        if not listed and total <= len(table) and total < 20:
            kept = {key for (other, key) in self.before if other == name}
            for key, row in [(key, row) for key, row in table.scan() if key not in kept]:
                table.remove(key, row)
        model = shown[-1] if shown else self.blank(name, new_id())
        if total < 20 and shown:
            keep = {row["id"] for row in shown} | {key for (other, key) in self.before if other == name}
            for key, row in [(key, row) for key, row in table.scan() if key not in keep]:
                table.remove(key, row)
        counted = self._count()
        for place in range(total - counted):
            clone = {**model, "id": f"fff00000-0000-4000-8000-{place:012x}"}
            for field in table.kind.unique:
                clone[field.name] = field.empty()
            self.put(name, clone)

    def _count(self) -> int:
        """How many rows the call counts in the state so far."""
        from .client import ask

        answer = ask(self.server, self.case, self.server.workspace.api_key, path=self.path())
        return answer.body.get("totalCount", 0) if is_row(answer.body) else 0

    def _groups(self, name: str, groups: list[Row]) -> None:
        table = self.workspace.table(name)
        for key, row in list(table.scan()):
            table.remove(key, row)
        dimension = json.loads(dict(parse_qsl(urlsplit(self.case.path).query))["group_by"])[0]
        column = next(iter(dimension))
        for group in groups:
            value = group["groupByDimensionValues"][0]
            for _ in range(int(group.get("countNotEmptyId", 1))):
                self.put(name, {**self.blank(name, new_id()), column: "" if value is None else value})

    def _aggregates(self, body: Row) -> None:
        """As many rows as a GraphQL connection counts, with the extremes that it shows."""
        data: Row = body.get("data") or {}
        shape: Any = data.get("people")
        if not is_row(shape) or "minCreatedAt" not in shape:
            return
        table = self.workspace.table("person")
        for key, row in list(table.scan()):
            table.remove(key, row)
        for place in range(shape["totalCount"]):
            row = self.blank("person", new_id())
            if place == 0:
                row |= {"createdAt": shape["minCreatedAt"], "updatedAt": shape["maxUpdatedAt"]}
            self.put("person", row)

    def _limits(self) -> None:
        """A call that met the rate limit found an empty bucket."""
        if "Limit reached" in json.dumps(self.case.body):
            self.server.limits.active = True
            try:
                for _ in range(200):
                    self.server.limits.buckets[0].tokens = 100
                    self.server.limits.take()
            except TwentyError:
                pass

    def _webhooks(self) -> None:
        body: Any = self.case.body
        data: Any = body.get("data") if is_row(body) else None
        hooks: list[Any] = body if is_list(body) else data.get("webhooks", []) if is_row(data) else []
        for hook in hooks:
            if is_row(hook) and "targetUrl" in hook:
                self.workspace.webhooks[hook["id"]] = hook

    def _workflow(self) -> None:
        """A workflow version that the call names exists, of the default workflow."""
        found = re.search(r'"id": "([0-9a-f-]{36})"', json.dumps(self.case.request))
        if found and "WorkflowVersion" in json.dumps(self.case.request):
            table = self.workspace.table("workflowVersion")
            template = next(row for _, row in table.scan() if row["trigger"]["type"] == "DATABASE_EVENT")
            self.put("workflowVersion", {**template, "id": found.group(1)})

    # -- the request ------------------------------------------------------------------------------------------------

    def path(self) -> str:
        """The path with a cursor of ours for the recorded one: the place behind the last or before the first shown row."""
        shown = [row["id"] for _, row in self.own]
        cursor = base64.b64encode(json.dumps({"id": f"{shown[-1]}~" if shown else "0"}).encode()).decode()
        return self.case.path.replace("<TOKEN>", quote(cursor))

    def known_ids(self) -> set[str]:
        """Ids that the answer must repeat: those of the request and of arranged rows."""
        ids = set(UUID.findall(json.dumps([self.case.path, self.case.request]).lower()))
        for table in self.workspace.tables.values():
            ids |= {key for key, _ in table.rows.items()}
        return ids
