"""Proving an undo: the destination read again, against the state before the migration; every difference explained or not."""

from collections.abc import Collection, Mapping, Sequence
from pathlib import Path

import duckdb

from crosswalk.model.fingerprint import Fingerprint, ObjectDifference
from crosswalk.model.rollback_report import LISTED, KeptRow, Unproved
from crosswalk.store.staging_files import row_actors
from crosswalk.store.staging_undo import kept_reasons


def explain(
    differences: Sequence[ObjectDifference],
    *,
    before: Fingerprint,
    after: Fingerprint,
    read_backs: Mapping[str, Path],
    schema_kept: Sequence[KeptRow],
    partly: Collection[str],
    markers: Collection[str],
    connection: duckdb.DuckDBPyConnection,
) -> tuple[list[Unproved], int, bool]:
    """The differences (at most LISTED, the unexplained first), how many there are, and whether all are explained."""
    found: list[Unproved] = []
    for item in differences:
        if item.kind == "schema":
            kept = [row.destination_id for row in schema_kept if row.object == item.object]
            # A table that stays lends its name to the link tables of the platform, too.
            tables = [row.object for row in schema_kept if row.destination_id.startswith("create_object")]
            why = f"kept: {', '.join(kept)}" if kept else ("linked to kept " + ", ".join(tables) if tables else "")
            found.append(Unproved(object=item.object, kind="schema", destination_id="", explained=why))
            continue
        new_object = before.object(item.object) is None or after.object(item.object) is None
        reasons = kept_reasons(connection, item.object, item.ids)
        actors = row_actors(connection, read_backs[item.object], item.ids) if item.object in read_backs else {}
        for id in item.ids:
            created_by, marker, updated_by = actors.get(id, ("", None, ""))
            # A row of ours that is not kept is left over, whoever it names as its maker.
            creator = "" if marker in markers else created_by
            why = _why(item.kind, reasons.get(id), (creator, updated_by), id in partly)
            found.append(Unproved(object=item.object, kind=item.kind, destination_id=id, explained=why))
        if new_object and not item.ids:
            found.append(Unproved(object=item.object, kind="schema", destination_id="", explained=""))
    found.sort(key=lambda entry: bool(entry.explained))
    return found[:LISTED], len(found), all(entry.explained for entry in found)


def _why(kind: str, kept: str | None, actors: tuple[str, str], partly: bool) -> str:
    created_by, updated_by = actors
    if kept is not None:
        return f"kept: {kept}"
    if kind == "removed":
        return "deleted by somebody: the journal holds no removal of it"
    if kind == "added" and created_by in ("person", "integration", "import"):
        return f"made by somebody since ({created_by})"
    if kind == "added" and updated_by == "person":
        return "made by the platform's automation, changed by somebody since"
    if kind == "changed" and partly:
        return "kept: fields a person changed since"
    if kind == "changed" and updated_by == "person":
        return "changed by somebody since"
    return ""
