"""Tamper-evidence: whatever is altered in the journal's file, the check says so and says where (E8)."""

import asyncio
import shutil
import sqlite3
from pathlib import Path

import pytest

from crosswalk.store.entries import Intent, Outcome
from crosswalk.store.journal import Journal


async def _fill(journal: Journal) -> None:
    run = journal.start_run("full", "marker", {})
    for number in range(1, 4):
        keys = [f"P{number}{place}" for place in range(3)]
        intents = [
            Intent("update", "people", "people", f"id-{key}", "Patients", key, "c", "writes/c/people.parquet", {"city": "Bonn"})
            for key in keys
        ]
        batch = await journal.open_batch(run, intents)
        await journal.close_batch(batch, [Outcome("updated", {"city": "Köln", "key": key}, "words") for key in keys])
        journal.record_event("approval", {"what": "map", "by": "Dr. Ames", "number": number})
    await journal.open_batch(run, [Intent("create", "people", "people", "id-open", "Patients", "P9", "c", "", None)])
    journal.raise_generation()
    journal.finish_run(run, "done")


@pytest.fixture(scope="module")
def filled(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A journal with three closed batches, three approvals, one open batch."""
    path = tmp_path_factory.mktemp("journal") / "journal.sqlite"
    with Journal.open(path) as journal:
        asyncio.run(_fill(journal))
    return path


@pytest.fixture
def path(filled: Path, tmp_path: Path) -> Path:
    """A copy of that journal to tamper with. Links: 1 run, then per batch n: opened 3n-1, closed 3n, approval 3n+1."""
    return Path(shutil.copy(filled, tmp_path / "journal.sqlite"))


TAMPERED: list[tuple[str, str]] = [
    ("UPDATE intent SET source_key = 'P2x' WHERE source_key = 'P20'", "batch 2 (opened) at position 5"),
    ("UPDATE intent SET destination_id = 'id-other' WHERE source_key = 'P20'", "batch 2 (opened) at position 5"),
    ("UPDATE intent SET content = 'd' WHERE source_key = 'P20'", "batch 2 (opened) at position 5"),
    ("UPDATE intent SET undoes = 100000 WHERE source_key = 'P20'", "batch 2 (opened) at position 5"),
    ("UPDATE intent SET content = x'63' WHERE source_key = 'P20'", "batch 2 (opened) at position 5"),
    ("DELETE FROM intent WHERE source_key = 'P21'", "batch 2 (opened) at position 5"),
    ("UPDATE target SET operation = 'remove' WHERE operation = 'create'", "batch 4 (opened) at position 11"),
    ("UPDATE target SET staged = 'elsewhere' WHERE operation = 'update'", "batch 1 (opened) at position 2"),
    ("UPDATE outcome SET state = 'rejected' WHERE id = 200001", "batch 2 (closed) at position 6"),
    ("UPDATE outcome SET message = 'Words' WHERE id = 300000", "batch 3 (closed) at position 9"),
    ("DELETE FROM outcome WHERE id = 300002", "batch 3 (closed) at position 9"),
    ("INSERT INTO outcome VALUES (400000, 'loaded', '')", "10 outcomes stand in the journal, 9 are in the chain"),
    ("INSERT INTO intent VALUES (900000, 1, 'P', 'id', 'c', NULL)", "11 intents stand in the journal, 10 are in the chain"),
    ("UPDATE link SET at = '1970-01-01T00:00:00.000Z' WHERE position = 4", "event approval at position 4"),
    ("UPDATE link SET run = 2 WHERE position = 5", "batch 2 (opened) at position 5"),
    ("UPDATE link SET generation = 2 WHERE position = 5", "batch 2 (opened) at position 5"),
    ("UPDATE link SET name = 'accepted' WHERE position = 7", "event accepted at position 7"),
    ("UPDATE link SET position = 99 WHERE position = 3", "link 3 is missing before event approval"),
    ("DELETE FROM link WHERE position = 7", "link 7 is missing before batch 3 (opened)"),
    ("DELETE FROM link WHERE position = 13", "the chain ends at position 12, but was written to 13"),
    ("UPDATE head SET batch = 3", "the batch number says 3, the chain 4"),
    ("UPDATE head SET generation = 1", "the generation number says 1, the chain 2"),
    ("UPDATE head SET run = 0", "the run number says 0, the chain 1"),
]  # fmt: skip


def test_an_untouched_journal_holds(path: Path) -> None:
    """Every link is recomputed and agrees, open batches included."""
    with Journal.open(path) as journal:
        check = journal.verify_chain()
    assert (check.ok, check.links, check.broken) == (True, 13, "")


@pytest.mark.parametrize(("statement", "place"), TAMPERED)
def test_an_altered_row_breaks_the_chain_there(path: Path, statement: str, place: str) -> None:
    """Changing, removing or adding any row is found, and the first wrong place named."""
    _execute(path, statement)
    with Journal.open(path) as journal:
        check = journal.verify_chain()
    assert not check.ok and check.broken == place


@pytest.mark.parametrize("position", range(1, 14))
def test_one_byte_of_a_stored_image_or_event_breaks_the_chain_there(path: Path, position: int) -> None:
    """Before-images, after-images and event details are covered byte by byte."""
    with sqlite3.connect(path) as connection:
        (body,) = connection.execute("SELECT body FROM link WHERE position = ?", [position]).fetchone()
        middle = len(body) // 2
        altered = body[:middle] + bytes([body[middle] ^ 1]) + body[middle + 1 :] if body else b"\x00"
        connection.execute("UPDATE link SET body = ? WHERE position = ?", [altered, position])
    connection.close()
    with Journal.open(path) as journal:
        check = journal.verify_chain()
    assert (check.ok, check.position) == (False, position)


def test_a_cut_off_end_is_found_by_a_noted_head(path: Path) -> None:
    """Somebody who also rewrites the head can cut off the end; a head noted elsewhere (a report) still tells."""
    with Journal.open(path) as journal:
        noted = journal.verify_chain().head
    with Journal.open(path) as journal:
        journal.record_event("verb", {})
        assert journal.verify_chain(noted).ok
    _execute(path, "DELETE FROM link WHERE position >= 13")
    _execute(path, "UPDATE head SET position = 12, digest = (SELECT digest FROM link WHERE position = 12)")
    with Journal.open(path) as journal:
        assert journal.verify_chain().ok
        check = journal.verify_chain(noted)
    assert not check.ok and "noted head" in check.broken


@pytest.mark.parametrize(
    ("statement", "differing"),
    [
        ("UPDATE xref SET destination_id = 'id-other' WHERE source_key = 'P20'", ["P20"]),
        ("UPDATE xref SET state = 'removed', content = '' WHERE source_key = 'P31'", ["P31"]),
        ("DELETE FROM xref WHERE source_key = 'P10'", ["P10"]),
        ("INSERT INTO xref VALUES ('people', 'P9', 1, 'id-open', 'loaded', 'loaded', 'c', 400000)", ["P9"]),
    ],
)
def test_an_altered_cross_reference_is_found_by_replaying(path: Path, statement: str, differing: list[str]) -> None:
    """The cross-reference is not in the chain but follows from it: replayed, it must come out the same."""
    _execute(path, statement)
    with Journal.open(path) as journal:
        assert [key for _, key, _ in journal.verify_xref()] == differing


def _execute(path: Path, statement: str) -> None:
    with sqlite3.connect(path) as connection:
        assert connection.execute(statement).rowcount > 0
    connection.close()
