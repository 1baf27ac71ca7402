"""What undo would do to every row, judged from the journal and the destination as it is now. Nothing here changes anything."""

from collections import Counter
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path

import duckdb
import orjson

from crosswalk.model.destination_schema import DestinationObject, DestinationSchema
from crosswalk.model.errors import RefusedError, RejectedError
from crosswalk.model.fingerprint import Fingerprint
from crosswalk.model.staged_writes import StagedWrites
from crosswalk.model.values import Value, Values, instant_text
from crosswalk.spi.destination import Destination
from crosswalk.stages._read_back import read_back
from crosswalk.stages._row_state import differing_paths, ignored_paths, row_digest
from crosswalk.stages._settlement import fetched
from crosswalk.store import staging_references as references
from crosswalk.store import staging_undo as undo
from crosswalk.store.entries import LOAD_RUNS, Entry
from crosswalk.store.journal import Journal

CLOCKS_APART = timedelta(minutes=5)
"""The destination's clock and ours may differ by this much."""
_COLLECTED = 5_000
LOOKED_AT = 500
"""Rows of the working tables in memory at a time."""


@dataclass(frozen=True, slots=True)
class UndoJob:
    """What one undo works with. `folder` takes the read-backs; `before` is the fingerprint from before the migration."""

    destination: Destination
    journal: Journal
    connection: duckdb.DuckDBPyConnection
    schema: DestinationSchema
    workspace: Path
    folder: Path
    staged: StagedWrites | None
    before: Fingerprint | None
    run: int | None
    force: bool

    def markers(self) -> frozenset[str]:
        """What the rows of this migration's runs are stamped with."""
        return frozenset(self.destination.kept_marker(run.marker) for run in self.journal.runs())

    def links(self) -> dict[str, str]:
        """Link record → the path of the record it lives and dies with: the first it looks up."""
        records = self.staged.records if self.staged else ()
        first = {
            item.record: next((column.path for column in item.columns if column.reference), None) for item in records if item.link
        }
        return {record: path for record, path in first.items() if path is not None}


async def read_objects(job: UndoJob, names: set[str], folder: Path, schema: DestinationSchema) -> dict[str, Path]:
    """The read-backs of these objects (those the schema still has)."""
    return {
        name: await read_back(job.destination, name, folder, schema=schema)
        for name in sorted(names)
        if schema.object(name) is not None
    }


async def judge(job: UndoJob) -> dict[str, Path]:
    """Fill the undo's working tables: every row of ours with its verdict (remove, keep and why, gone). The read-backs."""
    undo.prepare(job.connection)
    _collect(job)
    fingerprinted = {item.object for item in job.before.objects} if job.before else set[str]()
    concerned = set(undo.objects_concerned(job.connection)) | fingerprinted
    read_backs = await read_objects(job, concerned, job.folder, job.schema)
    _take(job, read_backs)
    undo.judge_rows(job.connection)
    _add_unknown_to_the_journal(job, concerned)
    _judge_deleted(job)
    _judge_changed(job, read_backs)
    await _note_referring(job, concerned)
    references.keep_what_is_needed(job.connection, job.links())
    return read_backs


def judge_late(job: UndoJob, read_backs: Mapping[str, Path]) -> bool:
    """Whether rows came since they were judged (the automation's runs are queued, and some end while we remove): those join the
    working tables with their verdict. `read_backs` were just read; what was to be removed by then was. Who refers to them is
    asked when they are removed."""
    undo.mark_removed(job.connection)
    undo.forget_readings(job.connection)
    _take(job, read_backs)
    _add_unknown_to_the_journal(job, set(read_backs))
    return any(undo.any_to_remove(job.connection, name) for name in read_backs)


def _take(job: UndoJob, read_backs: Mapping[str, Path]) -> None:
    for name, path in read_backs.items():
        undo.take_read_back(job.connection, name, path, job.schema)


async def judge_children(job: UndoJob, object_name: str) -> None:
    """Keep the rows of an object that somebody's rows have come to refer to since they were judged: deleting cascades."""
    references.forget_references(job.connection, object_name)
    await _add_referring(job, {object_name}, job.schema.objects)
    await _drop_the_automations(job, ())
    references.keep_what_is_needed(job.connection, job.links())


def _add_unknown_to_the_journal(job: UndoJob, concerned: set[str]) -> None:
    known = _known_before(job, concerned)
    if known:
        undo.add_side_effects(job.connection, known, _window(job))
    if known and job.run is None:
        undo.add_late_writes(job.connection, known, job.markers(), job.force)


def _known_before(job: UndoJob, concerned: set[str]) -> dict[str, Path | None]:
    """Object → the rows that stood there before us, for the objects where that is known; None: the object is newer than that.

    Where it is not known, no row of the platform's own (a new workspace's examples, too) is ever taken for a side effect.
    """
    if job.before is None:
        return {}
    known: dict[str, Path | None] = {item.object: job.workspace / item.rows_file for item in job.before.objects}
    known |= {name: None for name in concerned if name not in job.before.schema_objects}
    return {name: path for name, path in known.items() if name in concerned}


def _collect(job: UndoJob) -> None:
    """The journal's entries that are not undone. All runs: the last image of a row may be a later run's."""
    waiting: list[dict[str, object]] = []
    ignored: dict[str, frozenset[str]] = {}
    for _, entries in job.journal.batches_backwards(kinds=LOAD_RUNS):
        for entry in entries:
            if entry.operation in ("create", "update"):
                if entry.object not in ignored:
                    ignored[entry.object] = ignored_paths(job.schema, entry.object, job.destination.capabilities)
                waiting.append(_cells(entry, ignored[entry.object], job.run is None or entry.run == job.run))
        if len(waiting) >= _COLLECTED:
            undo.add_entries(job.connection, waiting)
            waiting.clear()
    undo.add_entries(job.connection, waiting)


def _cells(entry: Entry, ignored: frozenset[str], in_scope: bool) -> dict[str, object]:
    changed = entry.operation == "update"
    return {
        "record": entry.record,
        "key": entry.source_key,
        "source_object": entry.source_object,
        "object": entry.object,
        "id": entry.destination_id,
        "operation": entry.operation,
        "position": entry.batch * 1_000_000 + entry.ordinal,
        "batch": entry.batch,
        "ordinal": entry.ordinal,
        "digest": row_digest(entry.destination_id, False, entry.after or {}, ignored),
        "before": orjson.dumps(entry.before or {}).decode() if changed else None,
        "after": orjson.dumps(entry.after or {}).decode() if changed else None,
        "in_scope": in_scope,
    }


def _window(job: UndoJob) -> tuple[str, str]:
    """From when to when the automation's rows are counted as caused by us: since the first load, or during that one run."""
    loads = [run for run in job.journal.runs() if run.kind in LOAD_RUNS]
    of_run = [run for run in loads if job.run in (None, run.id)]
    if not of_run:
        return ("9", "9")
    begun = datetime.fromisoformat(of_run[0].started) - CLOCKS_APART
    later = [run.started for run in loads if job.run is not None and run.id > job.run]
    return instant_text(begun), later[0] if later else "9999"


def _judge_deleted(job: UndoJob) -> None:
    """Softly deleted rows: a deletion is an edit, kept unless forced. Who deleted is not to be known: a row the automation
    touched before a person deleted it still names the automation."""
    verdict, reason = ("remove", "forced") if job.force else ("keep", "deleted_by_person")
    for rows in undo.rows_with_verdict(job.connection, "deleted", LOOKED_AT):
        undo.set_verdicts(job.connection, [(row["object"], row["id"], verdict, reason, ()) for row in rows])


def _judge_changed(job: UndoJob, read_backs: Mapping[str, Path]) -> None:
    """Rows that differ from what we wrote: the automation's doing is a side effect, a person's an edit to keep.

    A reference to a row that the automation made is its doing. Of rows it changed last, so is whatever differs in at least
    half of them: a person may have edited such a row before it did, and a lone difference is taken for that person's.
    """
    made_by_automation = undo.automation_ids(job.connection)
    touched: Counter[str] = Counter()
    differing: Counter[tuple[str, str]] = Counter()
    for rows in undo.rows_with_verdict(job.connection, "look", LOOKED_AT):
        verdicts = _differences(job, rows, read_backs, made_by_automation)
        undo.set_verdicts(job.connection, verdicts)
        for name, _, verdict, unexplained, _ in verdicts:
            if verdict == "look_again":
                touched[name] += 1
                differing.update((name, path) for path in unexplained.split(","))
    for rows in undo.rows_with_verdict(job.connection, "look_again", LOOKED_AT):
        undo.set_verdicts(
            job.connection,
            [
                (row["object"], row["id"], *_verdict_on(job, _systematic(row, touched, differing)), row["fields"])
                for row in rows
            ],
        )  # fmt: skip


def _systematic(row: dict[str, str], touched: Counter[str], differing: Counter[tuple[str, str]]) -> bool:
    name = row["object"]
    return all(differing[name, path] >= max(2, touched[name] / 2) for path in row["reason"].split(","))


def _verdict_on(job: UndoJob, side_effect: bool) -> tuple[str, str]:
    if side_effect:
        return "remove", "side_effect"
    return ("remove", "forced") if job.force else ("keep", "edited")


def _differences(
    job: UndoJob, rows: Sequence[dict[str, str]], read_backs: Mapping[str, Path], made_by_automation: set[str]
) -> list[tuple[str, str, str, str, tuple[str, ...]]]:
    """(object, id, verdict, reason, fields); `look_again` with the unexplained fields as reason needs the whole picture."""
    images = job.journal.entries_by_destination_ids([row["id"] for row in rows])
    current: dict[str, str] = {}
    for name in {row["object"] for row in rows}:
        current |= undo.current_values(job.connection, read_backs[name], [row["id"] for row in rows if row["object"] == name])
    found: list[tuple[str, str, str, str, tuple[str, ...]]] = []
    for row in rows:
        name, id, image = row["object"], row["id"], images.get(row["id"])
        now: Values = orjson.loads(current[id])
        ignored = ignored_paths(job.schema, name, job.destination.capabilities)
        fields = differing_paths(image.after or {} if image else {}, now, ignored)
        unexplained = [path for path in fields if not _is_one_of(now.get(path), made_by_automation)]
        if not fields:
            found.append((name, id, "remove", "", ()))
        elif unexplained and row["changed_by"] == "automation":
            found.append((name, id, "look_again", ",".join(unexplained), fields))
        else:
            found.append((name, id, *_verdict_on(job, not unexplained), fields))
    return found


def _is_one_of(value: Value, ids: set[str]) -> bool:
    """Whether a value refers to one of these rows; a list of several is somebody's doing."""
    return isinstance(value, str) and value in ids


async def _note_referring(job: UndoJob, concerned: set[str]) -> None:
    """Rows of other objects that point at ours. The automation's (a time line's entries) go with their parent; others' block it."""
    await _add_referring(job, concerned, [described for described in job.schema.objects if described.name not in concerned])
    await _drop_the_automations(job, concerned)


async def _add_referring(job: UndoJob, to_objects: set[str], of_objects: Iterable[DestinationObject]) -> None:
    """Note who points at rows of these objects. Raises RefusedError when that may be in tables we are not allowed to read."""
    unreadable: dict[str, RejectedError] = {}
    for described in of_objects:
        if described.name in job.destination.capabilities.derived_objects:
            continue
        for leaf in described.fields:
            if leaf.to_object in to_objects:
                try:
                    pairs = await job.destination.referring(described.name, leaf.path)
                except RejectedError as error:
                    if error.code != "permission":
                        raise
                    unreadable[described.name] = error
                    break
                references.add_referring(job.connection, described.name, leaf.path, leaf.to_object or "", pairs)
    if unreadable:
        raise RefusedError(
            f"Rows of {', '.join(unreadable)} may refer to ours and would go with them, and we are not allowed to read them: "
            + " ".join(error.message for error in unreadable.values()),
            " ".join(dict.fromkeys(error.remedy for error in unreadable.values())) + " Then call rollback again.",
        )


async def _drop_the_automations(job: UndoJob, concerned: Collection[str]) -> None:
    candidates: dict[str, list[str]] = {}
    for name, id in references.foreign_candidates(job.connection, concerned):
        candidates.setdefault(name, []).append(id)
    for name, ids in candidates.items():
        rows = await fetched(job.destination, name, ids)
        theirs = [id for id in ids if id in rows and rows[id].created_by.kind != "automation"]
        references.drop_referring(job.connection, name, sorted({*ids} - {*theirs}))
