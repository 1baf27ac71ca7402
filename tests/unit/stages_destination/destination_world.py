"""A small clinic for the stages that touch the destination: a schema, staged writes as transform leaves them, and a memory
destination with a journal, in a folder."""

import asyncio
import hashlib
import uuid
from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq

from crosswalk.model.destination_schema import DestinationField, DestinationObject, DestinationSchema
from crosswalk.model.extraction import ExtractedObject, Extraction
from crosswalk.model.field_diff import FieldDiff
from crosswalk.model.fingerprint import Fingerprint
from crosswalk.model.load_report import LoadReport, SettleReport
from crosswalk.model.mapping import Mapping as Mapping_
from crosswalk.model.mapping import RecordMapping, Total
from crosswalk.model.reconciliation import Reconciliation
from crosswalk.model.rollback_report import RollbackReport
from crosswalk.model.staged_writes import StagedColumn, StagedRecord, StagedWrites
from crosswalk.model.values import Values
from crosswalk.stages.compare import compare
from crosswalk.stages.fingerprint import fingerprint
from crosswalk.stages.load import load
from crosswalk.stages.read_back import read_back
from crosswalk.stages.reconcile import reconcile
from crosswalk.stages.rollback import plan_rollback, rollback
from crosswalk.stages.settle import settle
from crosswalk.store.journal import Journal
from crosswalk.testing.memory_destination import MemoryDestination

SCHEMA = DestinationSchema(
    destination="memory",
    location="here",
    objects=(
        DestinationObject(name="companies", singular="company", fields=(DestinationField(path="name", type="text"),)),
        DestinationObject(
            name="people",
            singular="person",
            fields=(
                DestinationField(path="name.firstName", type="text"),
                DestinationField(path="emails.primaryEmail", type="email", unique=True),
                DestinationField(path="birthDate", type="date"),
                DestinationField(path="companyId", type="reference", to_object="companies"),
                DestinationField(path="status", type="option", options=("NEW", "SEEN")),
                DestinationField(path="updatedAt", type="datetime", computed=True),
            ),
        ),
        DestinationObject(
            name="notes",
            singular="note",
            fields=(DestinationField(path="title", type="text"), DestinationField(path="file", type="file")),
        ),
        DestinationObject(
            name="noteTargets",
            singular="noteTarget",
            fields=(
                DestinationField(path="noteId", type="reference", to_object="notes"),
                DestinationField(path="targetPersonId", type="reference", to_object="people"),
            ),
        ),
        DestinationObject(
            name="visits",
            singular="visit",
            fields=(
                DestinationField(path="subject", type="text"),
                DestinationField(path="attendees", type="reference", to_object="people"),
            ),
        ),
    ),
)
COLUMNS: Mapping[str, tuple[StagedColumn, ...]] = {
    "companies": (StagedColumn(path="name", type="text"),),
    "people": (
        StagedColumn(path="name.firstName", type="text"),
        StagedColumn(path="emails.primaryEmail", type="email"),
        StagedColumn(path="companyId", type="reference", reference="companies"),
    ),
    "notes": (StagedColumn(path="title", type="text"), StagedColumn(path="file", type="file")),
    "note_links": (
        StagedColumn(path="noteId", type="reference", reference="notes", required=True),
        StagedColumn(path="targetPersonId", type="reference", reference="people", required=True),
    ),
}
OBJECTS = {"companies": "companies", "people": "people", "notes": "notes", "note_links": "noteTargets"}
WAVES = {"companies": 1, "people": 2, "notes": 2, "note_links": 3}


@dataclass
class Staged:
    """One staged row as a test writes it down."""

    key: str
    values: Values
    state: str = "ready"
    reason: str = ""
    findings: tuple[str, ...] = ()
    id: str | None = None


def id_of(record: str, key: str, generation: int = 1) -> str:
    """The destination id of a source row, as law 5 derives it."""
    return str(uuid.uuid5(uuid.NAMESPACE_URL, f"test:{generation}:{record}:{key}"))


def stage(folder: Path, rows: Mapping[str, Sequence[Staged]], version: str = "one", generation: int = 1) -> StagedWrites:
    """Write Parquets as transform does, and the artefact that describes them."""
    place = folder / "writes" / version
    place.mkdir(parents=True, exist_ok=True)
    records = [_stage_record(folder, place, name, rows.get(name, ()), generation) for name in COLUMNS]
    return StagedWrites(folder=f"writes/{version}", records=tuple(records))


def _stage_record(folder: Path, place: Path, name: str, rows: Sequence[Staged], generation: int) -> StagedRecord:
    columns = COLUMNS[name]
    table: dict[str, Any] = {
        "_id": pa.array([row.id or id_of(name, row.key, generation) for row in rows], pa.string()),
        "_key": pa.array([row.key for row in rows], pa.string()),
        "_row": pa.array(range(1, len(rows) + 1), pa.int64()),
        "_content": pa.array([hashlib.sha256(repr(sorted(row.values.items())).encode()).hexdigest() for row in rows], pa.string()),
        "_findings": pa.array([list(row.findings) for row in rows], pa.list_(pa.string())),
        "_state": pa.array([row.state for row in rows], pa.string()),
        "_reason": pa.array([row.reason or None for row in rows], pa.string()),
    }
    for column in columns:
        table[column.path] = pa.array([row.values.get(column.path) for row in rows], pa.string())
    file, contributions = place / f"{name}.parquet", place / f"{name}.contributions.parquet"
    pq.write_table(pa.table(table), file)
    pq.write_table(
        pa.table(
            {
                "_key": table["_key"],
                "source_object": pa.array([name] * len(rows), pa.string()),
                "_row": table["_row"],
                "part": pa.array(["made"] * len(rows), pa.string()),
                "paths": pa.nulls(len(rows), pa.list_(pa.string())),
            }
        ),
        contributions,
    )
    return StagedRecord(
        record=name,
        object=OBJECTS[name],
        source_object=name,
        wave=WAVES[name],
        link=name == "note_links",
        file=str(file.relative_to(folder)),
        contributions=str(contributions.relative_to(folder)),
        rows=len(rows),
        columns=columns,
        states={},
        findings={},
    )


def extract(folder: Path, objects: Mapping[str, Sequence[str]], quarantined: Mapping[str, int] | None = None) -> Extraction:
    """Extracted rows as `extract` leaves them: object → the `_state` of each row, and how many could not be read."""
    (folder / "raw").mkdir(exist_ok=True)
    broken = quarantined or {}
    names = [name for name, count in broken.items() for _ in range(count)]
    cells = {"object": names, "file": ["f"] * len(names), "line": [1] * len(names), "reason": ["too_few_cells"] * len(names)}
    pq.write_table(pa.table(cells), folder / "raw" / "_quarantine.parquet")
    found: list[ExtractedObject] = []
    for name, states in objects.items():
        table = pa.table({"_row": pa.array(range(1, len(states) + 1), pa.int64()), "_state": pa.array(list(states), pa.string())})
        pq.write_table(table, folder / "raw" / f"{name}.parquet")
        folded, unreadable = list(states).count("folded"), broken.get(name, 0)
        counts = {"rows": len(states) + unreadable, "staged": len(states) - folded, "folded": folded, "quarantined": unreadable}
        found.append(ExtractedObject.model_validate({"name": name, "blank": 0, "sha256": "", **counts}))
    return Extraction(objects=tuple(found), sources={})


async def at_once(seconds: float) -> None:
    """No test waits for a destination to recover."""
    await asyncio.sleep(0)


@dataclass
class World:
    """A workspace folder, its journal, and a destination; `run_load` is one `crosswalk run`: settle, then load."""

    folder: Path
    destination: MemoryDestination = field(
        default_factory=lambda: MemoryDestination(
            SCHEMA, cascades=frozenset({("noteTargets", "noteId"), ("noteTargets", "targetPersonId")})
        )
    )
    attachment: Callable[[str], Path | None] = lambda name: None
    progress: list[Any] = field(default_factory=lambda: [])

    def journal(self) -> Journal:
        """The journal, opened anew (as a new process would)."""
        return Journal.open(self.folder / "journal.sqlite")

    async def run_load(self, staged: StagedWrites, selection: Path | None = None) -> tuple[LoadReport, SettleReport]:
        """Settle what an earlier process left, then load."""
        with ExitStack() as stack:
            journal = stack.enter_context(self.journal())
            connection = stack.enter_context(duckdb.connect())
            schema = await self.destination.describe()
            settled = await settle(self.destination, journal, folder=self.folder, connection=connection, schema=schema)
            run = journal.start_run("full", f"run-{len(journal.runs()) + 1}", {})
            marker = journal.runs()[-1].marker
            report = await load(
                staged, selection, destination=self.destination, journal=journal, run=run, marker=marker, schema=schema,
                connection=connection, folder=self.folder, attachment=self.attachment, progress=self.progress.append, sleep=at_once,
            )  # fmt: skip
            journal.finish_run(run, "done")
            return report, settled

    async def remember(self) -> Fingerprint:
        """The state before the migration."""
        with duckdb.connect() as connection:
            schema = await self.destination.describe()
            names = [item.name for item in schema.objects]
            paths = {name: await read_back(self.destination, name, self.folder / "remembered", schema=schema) for name in names}
            return await fingerprint(self.destination, paths, schema=schema, workspace=self.folder, connection=connection)

    async def run_rollback(
        self, before: Fingerprint | None, staged: StagedWrites | None, *, of_run: int | None = None, force: bool = False,
        undisturbed: bool = True,
    ) -> RollbackReport:  # fmt: skip
        """Settle, then undo, as `crosswalk rollback` does; the preview made just before must say the same, unless the test lets
        somebody act meanwhile."""
        with ExitStack() as stack:
            journal = stack.enter_context(self.journal())
            connection = stack.enter_context(duckdb.connect())
            schema = await self.destination.describe()
            await settle(self.destination, journal, folder=self.folder, connection=connection, schema=schema)
            about: dict[str, Any] = {
                "destination": self.destination, "journal": journal, "connection": connection, "schema": schema,
                "workspace": self.folder, "staged": staged, "before": before, "of_run": of_run, "force": force,
            }  # fmt: skip
            sent = len(self.destination.sent)
            preview = await plan_rollback(folder=self.folder / "preview", **about)
            assert len(self.destination.sent) == sent
            run = journal.start_run("rollback", "undo", {})
            report = await rollback(run=run, folder=self.folder / "undo", sleep=at_once, **about)
            journal.finish_run(run, "done")
            assert not undisturbed or preview.counts == report.counts
            return report

    async def diff(self, staged: StagedWrites, selection: Path | None = None) -> FieldDiff:
        """Read back and compare."""
        with self.journal() as journal, duckdb.connect() as connection:
            schema = await self.destination.describe()
            read_backs = await self.read_backs(schema)
            return compare(
                staged, selection, read_backs, schema=schema, expected=self.destination.expected, journal=journal,
                connection=connection, folder=self.folder,
            )  # fmt: skip

    async def reconciled(
        self, staged: StagedWrites, extraction: Extraction, totals: Sequence[Total] = (), taken: Sequence[str] = ()
    ) -> Reconciliation:
        """Read back and reconcile; the extracted rows lie in raw/. The map takes every row of the objects `taken`."""
        records = {name: RecordMapping.model_validate({"to": OBJECTS[name], "from": name, "fields": {}}) for name in taken}
        mapping = Mapping_(source="test", destination="memory", sample_root="people", records=records, totals=tuple(totals))
        with self.journal() as journal, duckdb.connect() as connection:
            schema = await self.destination.describe()
            read_backs = await self.read_backs(schema)
            raw = {item.name: self.folder / "raw" / f"{item.name}.parquet" for item in extraction.objects}
            return reconcile(
                staged, mapping=mapping, extraction=extraction, raw=raw, quarantine=self.folder / "raw" / "_quarantine.parquet",
                read_backs=read_backs, schema=schema, expected=self.destination.expected, journal=journal,
                connection=connection, folder=self.folder,
            )  # fmt: skip

    async def read_backs(self, schema: DestinationSchema) -> dict[str, Path]:
        """Every object, read back."""
        folder = self.folder / "read_back"
        return {item.name: await read_back(self.destination, item.name, folder, schema=schema) for item in schema.objects}

    def held(self, object_name: str) -> dict[str, Values]:
        """The live rows of an object: id → values."""
        return {row.id: row.values for row in self.destination.tables[object_name].values() if not row.deleted}
