"""A workspace with a hand-made raw stage and a small CRM's schema: what the tests of the map stand on."""

from collections.abc import Generator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq

from crosswalk.model.destination_schema import DestinationField, DestinationObject, DestinationSchema, FieldType
from crosswalk.model.mapping import Mapping as Map
from crosswalk.model.ownership import Matched, Matches, Owner, Owners
from crosswalk.model.staged_writes import StagedWrites
from crosswalk.stages.transform import Identity, transform
from crosswalk.store.files import make_folder, object_file
from crosswalk.store.mapping_file import mapping_from

Cells = Mapping[str, str | None]
Plain = dict[str, Any]
IDENTITY = Identity("tests", 0, 2026)
NOBODY = Owners()


def leaf(path: str, type: FieldType = "text", **more: Any) -> DestinationField:
    """A field of the small CRM."""
    return DestinationField(path=path, type=type, **more)


def crm() -> DestinationSchema:
    """People in companies, tasks with an assignee, notes, and the rows that tie them together."""
    people = (
        leaf("name.firstName"), leaf("name.lastName"), leaf("emails.primaryEmail", "email", unique=True),
        leaf("emails.additionalEmails", "list"), leaf("jobTitle", max_length=20), leaf("createdAt", "datetime"),
        leaf("companyId", "reference", to_object="companies"), leaf("position", "integer", writable=False),
        leaf("gender", "option", options=("MALE", "FEMALE")), leaf("sourceSystemId", unique=True),
    )  # fmt: skip
    tasks = (
        leaf("title"), leaf("status", "option", options=("TODO", "DONE")), leaf("dueAt", "datetime"),
        leaf("assigneeId", "reference", to_object="members"), leaf("sourceSystemId", unique=True),
    )  # fmt: skip
    ties = (leaf("taskId", "reference", to_object="tasks"), leaf("targetPersonId", "reference", to_object="people"))
    notes = (leaf("title"), leaf("bodyV2.markdown", "rich_text"))
    objects = {
        "companies": (leaf("name"), leaf("sourceSystemId")), "people": people, "tasks": tasks, "taskTargets": ties, "notes": notes,
    }  # fmt: skip
    return DestinationSchema(
        destination="memory",
        location="here",
        objects=tuple(DestinationObject(name=name, singular=f"one {name}", fields=fields) for name, fields in objects.items()),
    )


def the_map(records: Mapping[str, Plain], **more: Any) -> Map:
    """A map of these records; settings and the like in `more`."""
    return mapping_from({"source": "s", "destination": "d", "sample_root": "people", "records": dict(records), **more}, "map")


def one_field(mapped: Plain, **record: Any) -> Map:
    """A map of one record with one field, from the object `rows`."""
    return the_map({"people": {"to": "people", "from": "rows", **record, "fields": {"value": mapped}}})


def made(type: FieldType, **more: Any) -> Plain:
    """A `create` of that type."""
    return {"type": type, "label": "Value", **more}


def owners(matched: Mapping[str, str], fallback: str | None = None) -> Owners:
    """Resolved addresses and a fallback user."""
    known = tuple(Owner(email=email, status="matched", user_id=user) for email, user in matched.items())
    return Owners(owners=known, fallback_user_id=fallback)


def matches(*found: tuple[str, str, str]) -> Matches:
    """Matches as (record, key, id)."""
    return Matches(matches=tuple(Matched(record=record, key=key, id=id, by="x") for record, key, id in found))


@dataclass
class World:
    """One workspace; `stage` transforms what `put` laid there."""

    root: Path
    connection: duckdb.DuckDBPyConnection
    schema: DestinationSchema = field(default_factory=crm)
    staged: StagedWrites | None = None

    @property
    def raw(self) -> Path:
        """The raw stage."""
        return make_folder(self.root / "raw")

    def put(
        self,
        name: str,
        rows: Sequence[Cells],
        keys: Sequence[str] | None = None,
        folded: Sequence[int] = (),
        columns: Sequence[str] = (),
    ) -> None:
        """An object's raw Parquet; keys count from k1 unless given, `folded` are positions from 1, `columns` are there anyway."""
        columns = list(dict.fromkeys([*columns, *(column for row in rows for column in row)]))
        numbers = list(range(1, len(rows) + 1))
        table: dict[str, Any] = {column: pa.array([row.get(column) for row in rows], pa.string()) for column in columns}
        table["_file"] = pa.array([f"{name}.csv" for _ in rows], pa.string())
        table["_line"] = pa.array([number + 1 for number in numbers], pa.int64())
        table["_row"] = pa.array(numbers, pa.int64())
        table["_key"] = pa.array(keys or [f"k{number}" for number in numbers], pa.string())
        table["_state"] = pa.array(["folded" if number in folded else "staged" for number in numbers], pa.string())
        table["_folded_into"] = pa.array([1 if number in folded else None for number in numbers], pa.int64())
        pq.write_table(pa.table(table), object_file(self.raw, name))

    def stage(
        self, mapping: Map, owners: Owners = NOBODY, matches: Matches | None = None, identity: Identity = IDENTITY, to: str = "one"
    ) -> StagedWrites:
        """Transform along the map into writes/`to`."""
        folder = make_folder(self.root / "writes" / to)
        self.staged = transform(
            mapping, self.schema, self.raw, folder, self.root, identity, owners, matches or Matches(), self.connection
        )
        return self.staged

    def rows(self, record: str) -> list[Plain]:
        """The staged writes of a record in source order."""
        assert self.staged is not None
        found = self.staged.record(record)
        assert found is not None
        return self.read(self.root / found.file, "_row")

    def values(self, record: str, path: str = "value") -> list[Any]:
        """One leaf of every write, in source order."""
        return [row[path] for row in self.rows(record)]

    def contributions(self, record: str) -> set[tuple[str, str, int]]:
        """(key, source object, row) of what ended in a record."""
        assert self.staged is not None
        found = self.staged.record(record)
        assert found is not None
        rows = self.read(self.root / found.contributions, "_key, source_object, _row")
        return {(row["_key"], row["source_object"], row["_row"]) for row in rows}

    def read(self, file: Path, order: str) -> list[Plain]:
        """A Parquet file's rows."""
        table = self.connection.cursor().sql(f"SELECT * FROM read_parquet('{file}') ORDER BY {order}").to_arrow_table()
        return table.to_pylist()


@contextmanager
def open_world(root: Path) -> Generator[World]:
    """A world in an empty folder. It computes in memory, with the scratch database's settings: a file would only cost time."""
    with duckdb.connect(config={"threads": 1}) as connection:
        connection.execute("SET preserve_insertion_order = false")
        connection.execute("SET TimeZone = 'UTC'")
        yield World(root, connection)
