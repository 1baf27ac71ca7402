"""Documents that follow their record: one that was cut off in between is not there yet."""

from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from destination_world import SCHEMA, Staged, World, extract, id_of, stage

from crosswalk.model.errors import RejectedError, UncertainError
from crosswalk.model.record import Row, Write
from crosswalk.model.staged_writes import StagedWrites
from crosswalk.model.values import Value
from crosswalk.testing.memory_destination import FaultKind, Faults, Killed, MemoryDestination

CUTS = {"killed": Killed, "no answer": lambda: UncertainError("the connection dropped")}


@dataclass
class DocumentsFollow(MemoryDestination):
    """Stores a note first and its document after it; `cut` ends the first attempt between the two."""

    cut: BaseException | None = None
    waiting: set[str] = field(default_factory=lambda: set[str]())

    async def create(self, object_name: str, writes: Sequence[Write], marker: str) -> Sequence[Row | RejectedError]:
        fresh = [write for write in writes if write.id not in self.waiting]
        if object_name == "notes" and self.cut is not None:
            await super().create(object_name, [Write(write.id, {"title": write.values["title"]}) for write in fresh], marker)
            self.waiting |= {write.id for write in fresh}
            cut, self.cut = self.cut, None
            raise cut
        await super().create(object_name, fresh, marker)
        for write in writes:
            if write.id in self.waiting:
                self.tables[object_name][write.id].values["file"] = write.values["file"]
                self.waiting.remove(write.id)
        return [self.tables[object_name][write.id] for write in writes]


def scan(folder: Path) -> StagedWrites:
    """One note with a document."""
    return stage(folder, {"notes": [Staged("n", {"title": "Scan", "file": "scan.pdf"})]})


@pytest.mark.parametrize("cut", CUTS)
async def test_a_document_that_had_not_arrived_is_sent_again(tmp_path: Path, cut: str) -> None:
    """Whether the process died or the answer was lost: the note ends with its document, and the ledger balances."""
    (tmp_path / "scan.pdf").write_bytes(b"bytes")
    there = World(tmp_path, DocumentsFollow(SCHEMA, cut=CUTS[cut]()), attachment=lambda name: tmp_path / name)
    with suppress(Killed):
        await there.run_load(scan(tmp_path))
    await there.run_load(scan(tmp_path))
    (note,) = there.held("notes").values()
    assert note["title"] == "Scan" and note["file"]
    assert list(there.held("notes")) == [id_of("notes", "n")]
    rows = {"companies": [], "people": [], "notes": ["staged"], "note_links": []}
    assert (await there.reconciled(scan(tmp_path), extract(tmp_path, rows))).balanced


@pytest.mark.parametrize(
    ("held", "differs"),
    [
        ([{"name": "scan.pdf", "size": 5}], False),
        ([{"name": "scan.pdf", "size": 4}], True),
        ([{"name": "other.pdf", "size": 5}], True),
        ([{"fileId": "f", "label": "scan.pdf"}], False),
        (None, True),
    ],
)
async def test_a_document_is_compared_by_its_name_and_size(tmp_path: Path, held: Value, differs: bool) -> None:
    """The size where the destination tells one; a note whose document never arrived is different."""
    (tmp_path / "scan.pdf").write_bytes(b"bytes")
    there = World(tmp_path, attachment=lambda name: tmp_path / name)
    await there.run_load(scan(tmp_path))
    extract(tmp_path, {"notes": ["staged"]})
    pq.write_table(pa.table({"name": ["scan.pdf"], "size": [5]}), tmp_path / "raw" / "_files.parquet")
    there.destination.person_edits("notes", id_of("notes", "n"), {"file": held})
    diff = await there.diff(scan(tmp_path))
    assert [item.field for item in diff.differences] == (["file"] if differs else [])


def renamed(folder: Path, title: str = "Scan") -> StagedWrites:
    """The note of `scan`, once its document was replaced in the source."""
    return stage(folder, {"notes": [Staged("n", {"title": title, "file": "better.pdf"})]}, "two")


@pytest.mark.parametrize("fault", [None, "killed_before", "killed_after", "uncertain_before", "uncertain_after"])
@pytest.mark.parametrize("call", [0, 1])
@pytest.mark.parametrize("title", ["Scan", "Better scan"])
async def test_a_document_replaced_in_the_source_is_handed_over(
    tmp_path: Path, fault: FaultKind | None, call: int, title: str
) -> None:
    """The new file is uploaded, then the note is given it, whatever is lost on the way; files that stay are not sent again."""
    for name in ("scan.pdf", "better.pdf"):
        (tmp_path / name).write_bytes(b"bytes")
    there = World(tmp_path, attachment=lambda name: tmp_path / name)
    await there.run_load(scan(tmp_path))
    staged = renamed(tmp_path, title)
    there.destination.faults = Faults(at={call: fault} if fault else {})
    with suppress(Killed):
        await there.run_load(staged)
    await there.run_load(staged)
    (note,) = there.held("notes").values()
    assert note["title"] == title and "better.pdf" in str(note["file"])
    with there.journal() as journal:
        image = journal.entries_by_destination_ids([id_of("notes", "n")])[id_of("notes", "n")].after
    assert image == note, "an undo would take our own work for somebody else's"
    uploads = [ids for verb, _, ids, stored in there.destination.sent if verb == "upload" and stored]
    assert uploads[0] == ("scan.pdf",) and set(uploads[1:]) == {("better.pdf",)}
    sent = len(there.destination.sent)
    await there.run_load(stage(tmp_path, {"notes": [Staged("n", {"title": "Only this", "file": "better.pdf"})]}, "three"))
    assert [verb for verb, _, _, _ in there.destination.sent[sent:]] == ["update"]


async def test_a_replaced_document_that_is_missing_is_a_finding(tmp_path: Path) -> None:
    """The note keeps what it has; once the file is there, the next run hands it over."""
    (tmp_path / "scan.pdf").write_bytes(b"bytes")
    there = World(tmp_path, attachment=lambda name: tmp_path / name)
    await there.run_load(scan(tmp_path))
    report, _ = await there.run_load(renamed(tmp_path))
    counted = report.record("notes")
    assert counted is not None and counted.rejected == 1
    assert [(item.code, item.field) for item in report.findings] == [("document_missing", "file")]
    assert "scan.pdf" in str(there.held("notes")[id_of("notes", "n")]["file"])
    (tmp_path / "better.pdf").write_bytes(b"bytes")
    await there.run_load(renamed(tmp_path))
    assert "better.pdf" in str(there.held("notes")[id_of("notes", "n")]["file"])


class DocumentsFollowUpdates(MemoryDestination):
    """Changes a note first and its document after it: the first attempt ends between the two, killed or without an answer."""

    cut: BaseException | None = None

    async def update(self, object_name: str, writes: Sequence[Write]) -> Sequence[Row | RejectedError]:
        if self.cut is not None:
            others = [Write(write.id, {"title": write.values["title"]}) for write in writes]
            await super().update(object_name, others)
            cut, self.cut = self.cut, None
            raise cut
        return await super().update(object_name, writes)


@pytest.mark.parametrize("cut", CUTS)
async def test_a_replaced_document_that_had_not_arrived_is_sent_again(tmp_path: Path, cut: str) -> None:
    """The other fields of the row stand already: it is not done before its document is there."""
    for name in ("scan.pdf", "better.pdf"):
        (tmp_path / name).write_bytes(b"bytes")
    destination = DocumentsFollowUpdates(SCHEMA)
    there = World(tmp_path, destination, attachment=lambda name: tmp_path / name)
    await there.run_load(scan(tmp_path))
    destination.cut = CUTS[cut]()
    with suppress(Killed):
        await there.run_load(renamed(tmp_path, "Better scan"))
    await there.run_load(renamed(tmp_path, "Better scan"))
    (note,) = there.held("notes").values()
    assert note["title"] == "Better scan" and "better.pdf" in str(note["file"])
