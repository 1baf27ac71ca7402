"""Where each source row ended: for the demo's reckoning, and for whoever asks what became of one row."""

from collections.abc import Iterator
from dataclasses import dataclass

from crosswalk.model.extraction import Extraction
from crosswalk.model.staged_writes import StagedWrites
from crosswalk.store.row_ends import quarantined_rows, raw_rows, record_rows
from crosswalk.store.workspace import Workspace


@dataclass(frozen=True, slots=True)
class RowEnd:
    """A source row as it was read: staged, folded (another row stands for it) or quarantined (`reason`)."""

    source_object: str
    place: str
    """`file:line`."""
    key: str
    state: str
    reason: str = ""


@dataclass(frozen=True, slots=True)
class RecordEnd:
    """A mapped record, and the source rows that made it. `findings` are `code:path`; `loaded` says what the journal has."""

    record: str
    key: str
    state: str
    reason: str
    findings: tuple[str, ...]
    places: tuple[str, ...]
    loaded: str = ""
    """The state of its reference in the journal, empty when there is none."""


def row_ends(workspace: Workspace) -> Iterator[RowEnd]:
    """Every row that was read, and every damaged one. Raises RefusedError before a scan."""
    extraction = workspace.load_required("extraction", Extraction, "scan")
    raw = workspace.root / "raw"
    with workspace.scratch() as connection:
        for item in extraction.objects:
            for file, line, key, state in raw_rows(raw, item.name, connection):
                yield RowEnd(item.name, f"{file}:{line}", key, state)
        for name, file, line, reason in quarantined_rows(raw, connection):
            yield RowEnd(name, f"{file}:{line}", "", "quarantined", reason)


def record_ends(workspace: Workspace, *, only_notable: bool = True) -> Iterator[RecordEnd]:
    """Every mapped record, or only those with a finding or not simply written. Raises RefusedError before a plan."""
    staged = workspace.load_required("staged", StagedWrites, "plan")
    with workspace.scratch() as connection, workspace.journal() as journal:
        for record in staged.records:
            for key, state, reason, findings, places in record_rows(workspace.root, record, connection, only_notable=only_notable):
                entry = journal.entry(record.record, key)
                loaded = entry.state if entry else ""
                yield RecordEnd(record.record, key, state, reason, tuple(findings), tuple(sorted(places)), loaded)
