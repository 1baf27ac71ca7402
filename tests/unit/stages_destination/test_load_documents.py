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
from crosswalk.testing.memory_destination import Killed, MemoryDestination

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
