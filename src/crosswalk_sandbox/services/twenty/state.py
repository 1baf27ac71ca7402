"""The emulated workspace: its schema, its rows and what hangs on them. No HTTP here."""

from collections.abc import Callable
from typing import Any

from .files import FileStore
from .ids import Clock
from .richtext import to_blocknote, to_markdown
from .rows import MemoryRows, RowStore
from .schema import Field, ObjectType, Row
from .search_vector import search_vector
from .standard import standard_objects
from .tables import Table
from .timeline import Timeline

KEY_NAME = "migration"
SYSTEM_ACTOR: Row = {"source": "MANUAL", "workspaceMemberId": None, "name": "System", "context": None}
SEED_ACTOR: Row = {"source": "SYSTEM", "workspaceMemberId": None, "name": "System", "context": None}

# A write that happened: object, "created" | "updated" | "deleted" | "restored" | "destroyed", rows, changed field names, actor
Listener = Callable[[ObjectType, str, list[Row], list[str], Row], None]


def _in_memory(_name: str) -> RowStore:
    return MemoryRows()


class Workspace:
    """One workspace. `make_rows` gives the row store of an object, in memory unless told otherwise."""

    def __init__(self, api_key: str, make_rows: Callable[[str], RowStore] | None = None) -> None:
        self.clock = Clock()
        self.born = self.clock.now()
        self.api_key = api_key
        self.actor: Row = {"source": "API", "workspaceMemberId": None, "name": KEY_NAME, "context": {}}
        self.make_rows = make_rows or _in_memory
        self.kinds: dict[str, ObjectType] = {}
        self.by_plural: dict[str, ObjectType] = {}
        self.tables: dict[str, Table] = {}
        self.incoming: dict[str, list[tuple[str, str, str]]] = {}
        self.results: dict[str, tuple[Any, Any]] = {}
        self.files = FileStore(self.clock)
        self.timeline = Timeline(self)
        self.listeners: list[Listener] = []
        self.webhooks: dict[str, Row] = {}
        self.restore_schema(standard_objects(self.born))

    def restore_schema(self, kinds: dict[str, ObjectType]) -> None:
        self.kinds = kinds
        self.tables = {}
        self.refresh()

    def refresh(self, *changed: str) -> None:
        """Bring tables and lookups in line with the schema; `changed` names the objects that changed, none means all may have."""
        self.look_up_ids()
        self.incoming = {name: [] for name in self.kinds}
        for kind in self.kinds.values():
            table = self.tables.get(kind.name)
            if not changed or kind.name in changed or table is None:
                kind.refresh(self.actor)
            if table is None:
                self.tables[kind.name] = Table(kind, self.make_rows(kind.name))
            elif not changed or kind.name in changed:
                table.adapt()
            for column, field in kind.joins.items():
                target = self._ids.get(field.target_object_id or "")
                if target is not None:
                    self.incoming[target.name].append((kind.name, column, field.on_delete))
        for gone in self.tables.keys() - self.kinds.keys():
            del self.tables[gone]
        self.results.clear()

    def look_up_ids(self) -> None:
        """Follow new names and ids of objects and fields."""
        self.by_plural = {kind.plural: kind for kind in self.kinds.values()}
        self._ids = {kind.id: kind for kind in self.kinds.values()}
        self._fields = {field.id: field for kind in self.kinds.values() for field in kind.fields.values()}

    @property
    def version(self) -> int:
        """Grows with every write to any row."""
        return sum(table.version for table in self.tables.values())

    def kind_by_id(self, object_id: str) -> ObjectType:
        return self._ids[object_id]

    def find_kind(self, object_id: str) -> ObjectType | None:
        return self._ids.get(object_id)

    def field_by_id(self, field_id: str) -> Field | None:
        return self._fields.get(field_id)

    def table(self, name: str) -> Table:
        """An object's rows; timeline activities that the worker still owes are written first."""
        if name == "timelineActivity":
            self.timeline.settle()
        return self.tables[name]

    def announce(self, kind: ObjectType, event: str, rows: list[Row], changed: list[str], actor: Row) -> None:
        """Tell the worker's parts (timeline, workflows, webhooks) what was written."""
        self.timeline.note(kind, event, rows)
        for listener in self.listeners:
            listener(kind, event, rows, changed, actor)

    def shown(self, kind: ObjectType, row: Row) -> Row:
        """A row as answers show it: with its searchVector, both forms of rich text and signed file links."""
        result = row.copy()
        for name in kind.rich_fields:
            result[name] = both_forms(row[name])
        for name in kind.file_fields:
            if row[name]:
                result[name] = self.files.signed(row[name])
        result["searchVector"] = search_vector(kind, row)
        return result


def both_forms(body: Row) -> Row:
    """Rich text with the form that was not sent made from the other (facts/twenty.md §6 RICH_TEXT)."""
    markdown, blocknote = body.get("markdown"), body.get("blocknote")
    if blocknote is None and markdown:
        blocknote = to_blocknote(markdown)
    if markdown is None:
        markdown = to_markdown(blocknote) if blocknote else ""
    return {"blocknote": blocknote, "markdown": markdown}
