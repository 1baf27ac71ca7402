"""/graphql: the records of the workspace (facts/twenty.md §5, §9, §10; transcripts gql_*)."""

from dataclasses import dataclass
from typing import Any, Protocol

from .baseline import COMPANY_WORKFLOW, workflow_id
from .errors import TwentyError, not_found
from .graphql_document import Asked, InvalidDocument, Operation, count_fields, pick, read_operation, unknown_query
from .graphql_select import check_connection, check_row, orders_of, take_connection, take_row, too_complex, window_of
from .graphql_types import input_fields
from .http import Answer, Call
from .ids import LOOSE_UUID
from .limits import Limits
from .queries import duplicates, find_page, matching
from .records import Records
from .schema import ObjectType, Row, is_list
from .state import Workspace

MAX_ROOTS = 20
MAX_FIELDS = 2000
VERBS = ("create", "update", "delete", "restore", "destroy")
FORBIDDEN = TwentyError(
    "Forbidden resource",
    graphql_code="FORBIDDEN",
    sub_code="FORBIDDEN_EXCEPTION",
    friendly="You do not have permission to perform this action.",
)


class Switch(Protocol):
    """(De)activates the default workflow."""

    def __call__(self, *, active: bool) -> None: ...


@dataclass(slots=True)
class Root:
    """A root field as understood: the verb, its object, and whether it means many rows."""

    verb: str
    kind: ObjectType | None
    many: bool


@dataclass(slots=True)
class GraphqlCore:
    """Runs documents; every root field costs a token and fails on its own."""

    workspace: Workspace
    records: Records
    limits: Limits
    switch_workflow: Switch

    def handle(self, call: Call) -> Answer:
        body = call.json()
        try:
            operation = read_operation(body)
            roots = [self._root(operation, asked) for asked in operation.roots]
            self._check(operation, roots)
        except InvalidDocument as error:
            return error.answer()
        data: Row = {}
        errors: list[Row] = []
        for asked, root in zip(operation.roots, roots, strict=True):
            try:
                if call.by_key and root.verb not in ("__type", "__typename"):
                    self.limits.take()
                if operation.mutation:
                    call.check_text()
                data[asked.key] = self._run(call, root, asked)
            except InvalidDocument as error:
                return error.answer()
            except TwentyError as error:
                data[asked.key] = None
                errors.append(error.graphql_error())
        return Answer(200, {"data": data, **({"errors": errors} if errors else {})})

    def _check(self, operation: Operation, roots: list[Root]) -> None:
        """Raise InvalidDocument for too many or repeated root fields (facts/twenty.md §3, §9)."""
        names = [asked.name for asked in operation.roots]
        problem: TwentyError | None = None
        if len(names) > MAX_ROOTS:
            problem = too_complex(f"Too many root resolvers requested: {len(names)} - Maximum allowed root resolvers: {MAX_ROOTS}.")
        elif (total := count_fields(operation.roots)) > MAX_FIELDS:
            problem = too_complex(f"Too many fields requested: {total} - Maximum allowed fields: {MAX_FIELDS}.")
        repeated = next((name for name in names if names.count(name) > 1), None)
        if problem is None and repeated is not None:
            problem = TwentyError(f'Duplicate root resolver: "{repeated}"', sub_code="TOO_COMPLEX_QUERY")
        if problem is not None:
            raise InvalidDocument([problem.graphql_error()])
        for asked, root in zip(operation.roots, roots, strict=True):
            self._check_selection(asked, root)

    def _check_selection(self, asked: Asked, root: Root) -> None:
        if root.kind is None:
            return
        try:
            if root.verb == "find" and root.many:
                check_connection(self.workspace, root.kind, asked.below)
            elif root.verb != "duplicates":
                check_row(self.workspace, root.kind, asked.below)
        except TwentyError:
            return  # raised again when the field runs, as its own error

    def _root(self, operation: Operation, asked: Asked) -> Root:
        name = asked.name
        if name in ("__typename",) or (not operation.mutation and name == "__type"):
            return Root(name, None, False)
        if operation.mutation and name in ("deactivateWorkflowVersion", "activateWorkflowVersion"):
            return Root(name, None, False)
        for kind in self.workspace.kinds.values():
            if operation.mutation:
                for verb in VERBS:
                    if name in (f"{verb}{kind.pascal()}", f"{verb}{kind.pascal_plural()}"):
                        return Root(verb, kind, name != f"{verb}{kind.pascal()}")
            elif name in (kind.name, kind.plural):
                return Root("find", kind, name == kind.plural)
            elif name == f"{kind.name}Duplicates":
                return Root("duplicates", kind, True)
        raise unknown_query(asked, operation.type_name)

    # -- root fields ------------------------------------------------------------------------------------------------

    def _run(self, call: Call, root: Root, asked: Asked) -> Any:
        kind = root.kind
        if root.verb == "__type":
            return pick(input_fields(self.workspace, str(asked.arguments.get("name"))), asked.below)
        if kind is None:
            return self._workflow(call, root.verb, asked)
        if root.verb == "find":
            return self._find(kind, root.many, asked)
        if root.verb == "duplicates":
            return self._duplicates(kind, asked)
        rows = self._write(call, root, kind, asked.arguments)
        call.written.object = kind.name
        call.written.ids += [row["id"] for row in rows]
        taken = [take_row(self.workspace, kind, row, asked.below) for row in rows]
        return taken if root.many else taken[0]

    def _workflow(self, call: Call, verb: str, asked: Asked) -> Any:
        if verb == "__typename":
            return "Query"
        if call.by_key:
            raise FORBIDDEN
        version = self.workspace.table("workflowVersion").get(str(asked.arguments.get("workflowVersionId")).lower())
        if version is None or version["workflowId"] != workflow_id(COMPANY_WORKFLOW):
            raise not_found()
        self.switch_workflow(active=verb.startswith("activate"))
        return True

    def _find(self, kind: ObjectType, many: bool, asked: Asked) -> Any:
        tree: Row = asked.arguments.get("filter") or {}
        if not many:
            check_row(self.workspace, kind, asked.below)
            found = matching(self.workspace, kind, tree)
            if not found:
                raise not_found()
            return take_row(self.workspace, kind, found[0][1], asked.below)
        check_connection(self.workspace, kind, asked.below)
        orders = orders_of(asked.arguments.get("orderBy"))
        page = find_page(self.workspace, kind, tree, orders, window_of(asked.arguments))
        return take_connection(self.workspace, kind, tree, orders, page, asked.below)

    def _duplicates(self, kind: ObjectType, asked: Asked) -> list[Row]:
        ids: list[Any] = asked.arguments.get("ids") or []
        given: list[Row] = asked.arguments.get("data") or []
        sought = self.records.sought(kind, ids, given)
        answers: list[Row] = []
        for row, key in sought:
            found = duplicates(self.workspace, kind, row, key)
            answer: Row = {}
            for item in asked.below:
                if item.name == "totalCount":
                    answer[item.key] = len(found)
                elif item.name == "edges":
                    answer[item.key] = [
                        {
                            below.key: take_row(self.workspace, kind, other, below.below)
                            for below in item.below
                            if below.name == "node"
                        }
                        for other in found
                    ]
            answers.append(answer)
        return answers

    def _keys(self, root: Root, kind: ObjectType, arguments: Row) -> list[str]:
        """The rows that a mutation means: by id, or by filter; destroy and restore see soft-deleted ones."""
        if not root.many:
            key = str(arguments.get("id")).lower()
            row = self.workspace.table(kind.name).get(key) if LOOSE_UUID.fullmatch(key) else None
            gone = row is not None and row["deletedAt"] is not None
            if row is None or (root.verb == "delete" and gone):
                raise not_found()
            return [key]
        tree: Row = arguments.get("filter") or {}
        if root.verb in ("destroy", "restore"):
            binned: Row = {"deletedAt": {"is": "NOT_NULL"}}
            live: Row = {"deletedAt": {"is": "NULL"}}
            tree = {"and": [tree, binned if root.verb == "restore" else {"or": [binned, live]}]}
        return [key for key, _ in matching(self.workspace, kind, tree)]

    def _write(self, call: Call, root: Root, kind: ObjectType, arguments: Row) -> list[Row]:
        actor = call.actor or self.workspace.actor
        if root.verb == "create":
            data: Any = arguments.get("data")
            items: list[Row] = data if is_list(data) else [data or {}]
            return self.records.create(kind, items, actor, upsert=bool(arguments.get("upsert")))
        keys = self._keys(root, kind, arguments)
        if root.verb == "update" and root.many:
            return self.records.update_many(kind, keys, arguments.get("data") or {}, actor)
        if root.verb == "update":
            return [self.records.update(kind, keys[0], arguments.get("data") or {}, actor)]
        if root.verb == "destroy":
            table = self.workspace.table(kind.name)
            rows = [row for key in keys if (row := table.get(key)) is not None]
            self.records.destroy(kind, keys, actor)
            return rows
        return self.records.mark(kind, keys, actor, deleted=root.verb == "delete")
