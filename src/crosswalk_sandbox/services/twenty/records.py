"""Writing rows: create, upsert, update, soft delete, restore, destroy (facts/twenty.md §2 to §5)."""

import hashlib
from collections.abc import Iterable
from typing import Any

from .errors import TwentyError, bad_value, denied, duplicate, not_found, unknown_field
from .ids import new_id
from .schema import ACTOR_FIELDS, COMPOSITE, Field, ObjectType, Row, is_row, unique_path, unique_value
from .state import Workspace
from .values import normal_id, normal_join, normal_value

MAX_BATCH = 200
MAX_UPDATE = 200
Claimed = dict[str, dict[Any, str]]


def table_name(kind: ObjectType) -> str:
    return f"_{kind.name}" if kind.custom else kind.name


def broken_key(kind: ObjectType, column: str) -> TwentyError:
    """A join column that names no row; the constraint's name is TypeORM's hash (transcript bad_fk_missing)."""
    table = table_name(kind)
    name = hashlib.sha1(f"{table}_{column}".encode(), usedforsecurity=False).hexdigest()[:27]
    return TwentyError(f'insert or update on table "{table}" violates foreign key constraint "FK_{name}"')


class Records:
    """The commands on rows, each as one actor: the API key (`workspace.actor`), a person, or the workflow."""

    def __init__(self, workspace: Workspace) -> None:
        self.workspace = workspace

    # -- values -----------------------------------------------------------------------------------------------------

    def changes(self, kind: ObjectType, data: Row, current: Row, *, creating: bool) -> Row:
        """The columns that a write sets, normalised.

        Raises TwentyError for an unknown field, a refused value or a connect that finds no row.
        """
        result: Row = {}
        for name, value in data.items():
            field = kind.columns.get(name)
            if field is None:
                raise unknown_field(kind.name, name)
            if name == "id":
                result["id"] = normal_id(value)
            elif field.is_relation:
                self._relation(kind, field, name, value, result)
            elif name in ACTOR_FIELDS:
                result[name] = self._actor(field, value, current[name], creating=creating)
            elif field.type == "TS_VECTOR":
                raise TwentyError(f'column "{name}" can only be updated to DEFAULT')
            elif field.type in COMPOSITE:
                result[name] = normal_value(field, value, (field.empty() or {}) if creating else current[name])
            else:
                result[name] = normal_value(field, value, None)
        return result

    def _actor(self, field: Field, value: Any, current: Row, *, creating: bool) -> Row:
        """createdBy as sent; without a name the key's name and context are filled in (transcripts createdBy_*)."""
        if value is None or not creating or not is_row(value):
            return normal_value(field, value, current)
        sent: Row = value
        base = dict(self.workspace.actor) if not sent.get("name") else {**self.workspace.actor, "context": None}
        return normal_value(field, {key: part for key, part in sent.items() if part is not None}, base)

    def _relation(self, kind: ObjectType, field: Field, name: str, value: Any, result: Row) -> None:
        column = field.join_column
        if column is None:
            raise unknown_field(kind.name, name)
        if name == column:
            result[column] = normal_join(column, value)
            return
        if value is None:
            return
        operation: Row = value if is_row(value) else {}
        if operation.get("disconnect") is True:
            result[column] = None
        elif is_row(operation.get("connect")):
            result[column] = self._connect(field, operation["connect"].get("where") or {})
        else:
            raise bad_value(f'Relation "{field.name}" requires connect or disconnect operation')

    def _connect(self, field: Field, where: Row) -> str:
        """The row that a connect names by id or by a unique value (transcripts fk_connect, fk_connect_missing)."""
        target = self.workspace.kind_by_id(field.target_object_id or "")
        table = self.workspace.table(target.name)
        said, found = "", None
        for name, value in where.items():
            said, found = f"{name} = {value}", str(value).lower() if name == "id" else None
            for unique in target.unique:
                if unique.name == name:
                    path = unique_path(unique).split(".")
                    value = value.get(path[1]) if len(path) > 1 and is_row(value) else value
                    said = "".join([path[0], *(part[0].upper() + part[1:] for part in path[1:])]) + f" = {value}"
                    found = table.owner(name, value)
        if found is None or found not in table or found in table.soft_deleted:
            raise bad_value(f"Expected 1 record to connect to {field.name}, but found 0 for {said}")
        return found

    def sought(self, kind: ObjectType, ids: list[Any], given: list[Row]) -> list[tuple[Row, str | None]]:
        """The rows whose duplicates are asked for: stored ones with their ids, and ones that were only sent."""
        table = self.workspace.table(kind.name)
        stored = [(row, row["id"]) for key in ids if (row := table.get(str(key).lower())) is not None]
        sent = [({**kind.template, **self.changes(kind, data, kind.template, creating=True)}, None) for data in given]
        return [*stored, *sent]

    # -- checks -----------------------------------------------------------------------------------------------------

    def check_keys(self, kind: ObjectType, row: Row, own: Iterable[str] = ()) -> None:
        """Raise broken_key for a join column that names no row; soft-deleted rows and rows of the same batch count."""
        for column, field in kind.joins.items():
            target = row[column]
            if target is None:
                continue
            other = self.workspace.kind_by_id(field.target_object_id or "")
            if target not in self.workspace.tables[other.name] and not (other is kind and target in own):
                raise broken_key(kind, column)

    def allow(self, kind: ObjectType, operation: str, actor: Row) -> None:
        """API keys may read and patch members, never create or delete them (facts/twenty.md §1)."""
        if kind.name == "workspaceMember" and operation != "update" and actor["source"] == "API":
            raise denied()

    # -- commands ---------------------------------------------------------------------------------------------------

    def create(self, kind: ObjectType, items: list[Row], actor: Row, *, upsert: bool = False) -> list[Row]:
        """Store rows, all or none (facts/twenty.md §4); with `upsert` updates are kept even if an insert fails.

        Returns complete rows in the order sent; an upsert of one row twice gives it once.
        """
        self.allow(kind, "create", actor)
        if len(items) > MAX_BATCH:
            raise TwentyError(f"Maximum number of records to upsert is {MAX_BATCH}.")
        empty = kind.template
        prepared = [self.changes(kind, item, empty, creating=True) for item in items]
        if upsert:
            return self._upsert(kind, items, prepared, actor)
        rows = self._insert(kind, prepared, actor)
        self.workspace.announce(kind, "created", rows, [], actor)
        return rows

    def new_row(self, kind: ObjectType, changes: Row, actor: Row, now: str, position: float) -> Row:
        row = kind.template.copy()
        row["createdBy"] = actor
        row.update(changes)
        row["id"] = changes.get("id") or new_id()
        row["createdAt"] = changes.get("createdAt") or now
        row["updatedAt"] = changes.get("updatedAt") or now
        row["updatedBy"] = actor
        if not isinstance(row["position"], int | float) or "position" not in changes:
            row["position"] = position
        for field in kind.now_fields:
            row[field] = row[field] or now
        return row

    def _insert(self, kind: ObjectType, prepared: list[Row], actor: Row) -> list[Row]:
        table = self.workspace.table(kind.name)
        now, position = self.workspace.clock.now(), table.next_position()
        rows = [self.new_row(kind, changes, actor, now, position - place) for place, changes in enumerate(prepared)]
        claimed: Claimed = {}
        ids: set[str] = set()
        for row in rows:
            if row["id"] in table or row["id"] in ids:
                raise duplicate()
            ids.add(row["id"])
            table.check_unique(row["id"], row, claimed)
        for row in rows:
            self.check_keys(kind, row, ids)
            self._claim_files(kind, row)
        for row in rows:
            table.insert(row["id"], row)
            self._bind_files(kind, row)
        return rows

    def _claim_files(self, kind: ObjectType, row: Row) -> None:
        for name in kind.file_fields:
            if row[name]:
                row[name] = self.workspace.files.claim(row[name], row["id"])

    def _bind_files(self, kind: ObjectType, row: Row) -> None:
        for name in kind.file_fields:
            self.workspace.files.bind(row[name], row["id"])

    def _match(self, kind: ObjectType, changes: Row) -> str | None:
        """The stored row that an upsert means: by id, then by every unique field (facts/twenty.md §4).

        Raises TwentyError when the values name several rows (transcript upsert_id_and_email_conflict).
        """
        table = self.workspace.table(kind.name)
        found: dict[str, None] = {}
        said: list[str] = []
        if changes.get("id") in table:
            found[changes["id"]] = None
            said.append(f"id (id: {changes['id']})")
        for field in kind.unique:
            value = unique_value(field, changes)
            owner = table.owner(field.name, value) if value is not None else None
            if owner is not None:
                found[owner] = None
                said.append(f"{field.name} ({unique_path(field)}: {value})")
        if len(found) > 1:
            raise TwentyError(
                f"Multiple records found with the same unique field values for {'; '.join(said)}. "
                "Cannot determine which record to update."
            )
        return next(iter(found), None)

    def _upsert(self, kind: ObjectType, items: list[Row], prepared: list[Row], actor: Row) -> list[Row]:
        matches = [self._match(kind, changes) for changes in prepared]
        updated: dict[str, Row] = {}
        for item, match in zip(items, matches, strict=True):
            if match is not None:
                data = {name: value for name, value in item.items() if name not in ("id", "createdBy")}
                updated[match] = self.update(kind, match, {**data, "deletedAt": None}, actor)
        fresh = [changes for changes, match in zip(prepared, matches, strict=True) if match is None]
        inserted = self._insert(kind, fresh, actor)
        if inserted:
            self.workspace.announce(kind, "created", inserted, [], actor)
        rest = iter(inserted)
        result: dict[str, Row] = {}
        for match in matches:
            row = next(rest) if match is None else updated[match]
            result[row["id"]] = row
        return list(result.values())

    def update(self, kind: ObjectType, key: str, data: Row, actor: Row) -> Row:
        """Change one row, soft-deleted or not (transcript patch_softdeleted). Raises not_found()."""
        self.allow(kind, "update", actor)
        table = self.workspace.table(kind.name)
        current = table.get(key)
        changes = self.changes(kind, data, current or kind.template, creating=False)
        if current is None:
            raise not_found()
        return self._apply(kind, key, current, changes, actor)

    def _apply(self, kind: ObjectType, key: str, current: Row, changes: Row, actor: Row) -> Row:
        table = self.workspace.table(kind.name)
        changes.pop("id", None)
        row = {**current, **changes, "updatedBy": actor}
        for name in ("createdAt", "position"):
            row[name] = current[name] if row[name] is None else row[name]
        row["updatedAt"] = changes.get("updatedAt") or self.workspace.clock.now()
        table.check_unique(key, row, {})
        self.check_keys(kind, row)
        self._claim_files(kind, row)
        table.replace(key, current, row)
        self._bind_files(kind, row)
        self.workspace.announce(kind, "updated", [row], list(changes), actor)
        return row

    def update_many(self, kind: ObjectType, keys: list[str], data: Row, actor: Row) -> list[Row]:
        """The same change for many rows, 200 at most (transcripts update_many_*)."""
        self.allow(kind, "update", actor)
        self.changes(kind, data, kind.template, creating=False)
        if len(keys) > MAX_UPDATE:
            message = f"Cannot update more than {MAX_UPDATE} records at once"
            raise TwentyError(message, kind="Error", code="TOO_MANY_RECORDS_TO_UPDATE", sub_code="TOO_MANY_RECORDS_TO_UPDATE")
        return [self.update(kind, key, data, actor) for key in keys]

    def mark(self, kind: ObjectType, keys: list[str], actor: Row, *, deleted: bool) -> list[Row]:
        """Soft-delete or restore rows; both move updatedAt (transcripts delete_many_60, restore_many)."""
        self.allow(kind, "delete", actor)
        table = self.workspace.table(kind.name)
        now = self.workspace.clock.now()
        rows: list[Row] = []
        for key in keys:
            current = table.get(key)
            if current is None:
                continue
            row = {**current, "deletedAt": now if deleted else None, "updatedAt": now}
            table.replace(key, current, row)
            rows.append(row)
        self.workspace.announce(kind, "deleted" if deleted else "restored", rows, ["deletedAt"], actor)
        return rows

    def destroy(self, kind: ObjectType, keys: list[str], actor: Row) -> list[str]:
        """Take rows out for good, soft-deleted or not, with what the database cascades (facts/twenty.md §5)."""
        self.allow(kind, "delete", actor)
        table = self.workspace.tables[kind.name]
        gone: list[str] = []
        for key in keys:
            row = table.get(key)
            if row is None:
                continue
            self._detach(kind, key, actor)
            table.remove(key, row)
            for name in kind.file_fields:
                self.workspace.files.release(row[name])
            gone.append(key)
            self.workspace.announce(kind, "destroyed", [row], [], actor)
        return gone

    def _detach(self, kind: ObjectType, key: str, actor: Row) -> None:
        for name, column, rule in self.workspace.incoming[kind.name]:
            child_table = self.workspace.tables[name]
            children = child_table.joins[column].of(key)
            if children and rule == "CASCADE":
                self.destroy(child_table.kind, children, {**actor, "source": "SYSTEM"})
                continue
            for child in children:
                current = child_table.get(child)
                if current is not None:
                    child_table.replace(child, current, {**current, column: None})
