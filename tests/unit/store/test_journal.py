"""The journal: what was about to be done and what came of it, told forwards, backwards, by key, by id and by count."""

import asyncio
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy.dialects import postgresql
from sqlalchemy.schema import CreateTable

from crosswalk.model.errors import CrosswalkError, UsageError
from crosswalk.store.entries import Intent, Operation, Outcome, State
from crosswalk.store.journal import XREF_SCHEMA, Journal
from crosswalk.store.tables import metadata


@pytest.fixture
def journal(tmp_path: Path) -> Iterator[Journal]:
    """A journal with one full run begun."""
    with Journal.open(tmp_path / "journal.sqlite") as journal:
        journal.start_run("full", "marker-1", {"selection": "all"})
        yield journal


def intent(key: str, operation: Operation = "create", content: str = "c1", **more: Any) -> Intent:
    """An intent on a person, whose destination id follows from the key unless given."""
    values: dict[str, Any] = {"destination_id": f"id-{key}", "before": None} | more
    return Intent(operation, "people", "people", values["destination_id"], "Patients", key, content, "writes/c1/people.parquet",
                  values["before"], values.get("undoes"))  # fmt: skip


def settle(journal: Journal, intents: list[Intent], outcomes: list[Outcome], run: int = 1) -> int:
    """Open a batch and close it."""

    async def both() -> int:
        batch = await journal.open_batch(run, intents)
        await journal.close_batch(batch, outcomes)
        return batch

    return asyncio.run(both())


def one(journal: Journal, operation: Operation, state: State, content: str = "c1", run: int = 1, **more: Any) -> int:
    """A batch of one record, P1."""
    return settle(journal, [intent("P1", operation, content, **more)], [Outcome(state, {"content": content})], run)


def reference(journal: Journal) -> tuple[str, str, str, str]:
    """What stands for P1: (destination id, state, content, last state)."""
    (row,) = [row for batch in journal.xref("people") for row in batch.to_pylist()]
    return row["destination_id"], row["state"], row["content"], row["last_state"]


def test_a_batch_is_open_until_its_outcomes_are_in(journal: Journal, tmp_path: Path) -> None:
    """`open_batches` gives back exactly what was intended, before-images included, also to another process's journal."""
    intents = [intent("P1"), intent("P2", "update", before={"city": "Bonn", "tags": ["a"], "age": None})]
    batch = asyncio.run(journal.open_batch(1, intents))
    with Journal.open(tmp_path / "journal.sqlite") as other:
        (found,) = other.open_batches()
        assert (found.id, found.run, list(found.intents)) == (batch, 1, intents)
        assert list(other.xref("people")) == []
        asyncio.run(
            other.close_batch(batch, [Outcome("loaded", {"city": "Köln"}), Outcome("conflict", None, "changed by a person")])
        )
    assert journal.open_batches() == []
    first, second = journal.entry("people", "P1"), journal.entry("people", "P2")
    assert first is not None and second is not None
    assert (first.state, first.after, first.before, first.batch, first.ordinal) == ("loaded", {"city": "Köln"}, None, batch, 0)
    assert (second.state, second.after, second.before) == ("conflict", None, {"city": "Bonn", "tags": ["a"], "age": None})
    assert (second.message, second.run, second.generation, second.operation) == ("changed by a person", 1, 1, "update")


@pytest.mark.parametrize("outcomes", [[], [Outcome("loaded")] * 2])
def test_each_intent_has_one_outcome(journal: Journal, outcomes: list[Outcome]) -> None:
    """Too few, too many or a second closing is refused, and the batch stays as it was."""
    batch = asyncio.run(journal.open_batch(1, [intent("P1")]))
    with pytest.raises(ValueError, match="1 intents"):
        asyncio.run(journal.close_batch(batch, outcomes))
    assert [found.id for found in journal.open_batches()] == [batch]
    asyncio.run(journal.close_batch(batch, [Outcome("loaded")]))
    for number, words in ((batch, "closed already"), (batch + 1, "no batch")):
        with pytest.raises(ValueError, match=words):
            asyncio.run(journal.close_batch(number, [Outcome("rejected")]))
    assert journal.counts() == {("people", "loaded"): 1}


def test_a_wrong_call_does_not_spoil_its_neighbours(journal: Journal) -> None:
    """Calls that share a transaction with a refused one are carried out all the same, each once."""

    async def together() -> list[Any]:
        calls = [journal.open_batch(9 if number == 7 else 1, [intent(f"P{number}")]) for number in range(20)]
        return await asyncio.gather(*calls, return_exceptions=True)

    answers = asyncio.run(together())
    assert [type(answer) for answer in answers] == [ValueError if number == 7 else int for number in range(20)]
    assert len(journal.open_batches()) == 19 and journal.verify_chain().ok


def test_an_empty_batch_is_refused(journal: Journal) -> None:
    """A batch without intents would mean nothing."""
    with pytest.raises(ValueError, match="intents"):
        asyncio.run(journal.open_batch(1, []))


CREATED = ("create", "loaded", "c1")
REFERENCES: list[tuple[str, list[tuple[Operation, State, str]], tuple[str, str, str]]] = [
    ("a create stands", [CREATED], ("loaded", "c1", "loaded")),
    ("a refused create does not", [("create", "rejected", "c1")], ("rejected", "", "rejected")),
    ("a second attempt may succeed", [("create", "absent", "c1"), CREATED], ("loaded", "c1", "loaded")),
    ("an update moves the content", [CREATED, ("update", "updated", "c2")], ("updated", "c2", "updated")),
    ("a refused update leaves what stands", [CREATED, ("update", "rejected", "c2")], ("loaded", "c1", "rejected")),
    ("a conflict leaves what stands", [CREATED, ("update", "conflict", "c2")], ("loaded", "c1", "conflict")),
    ("a removed record is gone", [CREATED, ("remove", "removed", "c1")], ("removed", "", "removed")),
    ("a kept record stands", [CREATED, ("remove", "kept", "c1")], ("kept", "c1", "kept")),
    ("a failed removal leaves it standing", [CREATED, ("remove", "failed", "c1")], ("loaded", "c1", "failed")),
    ("a restored record has its content back", [CREATED, ("update", "updated", "c2"), ("restore", "restored", "c1")],
     ("restored", "c1", "restored")),
    ("an upload is not a record", [CREATED, ("upload", "applied", "file")], ("loaded", "c1", "loaded")),
]  # fmt: skip


@pytest.mark.parametrize(("story", "expected"), [row[1:] for row in REFERENCES], ids=[row[0] for row in REFERENCES])
def test_the_cross_reference_tells_what_stands(
    journal: Journal, story: list[tuple[Operation, State, str]], expected: tuple[str, str, str]
) -> None:
    """`state` and `content` are what stands in the destination, `last_state` what came of the latest attempt."""
    for operation, state, content in story:
        one(journal, operation, state, content)
    assert reference(journal) == ("id-P1", *expected)
    assert journal.verify_xref() == []


def test_an_update_keeps_the_destination_id(journal: Journal) -> None:
    """A row that was matched to an existing record stays with it, whatever id we would have chosen."""
    asyncio.run(journal.record_matches(1, [intent("P1", "match", "", destination_id="theirs", before={"city": "Bonn"})]))
    one(journal, "update", "updated", "c2")
    assert reference(journal) == ("theirs", "updated", "c2", "updated")


def test_a_match_is_noted_but_never_undone(journal: Journal) -> None:
    """Matched rows are not ours: compare finds their image, rollback does not find them."""
    asyncio.run(journal.record_matches(1, [intent("P1", "match", "", destination_id="theirs", before={"city": "Bonn"})]))
    assert reference(journal)[:2] == ("theirs", "matched")
    assert journal.entries_by_destination_ids(["theirs"])["theirs"].after == {"city": "Bonn"}
    assert list(journal.batches_backwards()) == [] and journal.open_batches() == []
    with pytest.raises(ValueError, match="match only"):
        asyncio.run(journal.record_matches(1, [intent("P2")]))


def test_a_raised_generation_begins_an_empty_cross_reference(journal: Journal) -> None:
    """After a complete rollback nothing stands, and the next load's ids are new; what was kept can still be undone by its id."""
    kept = one(journal, "create", "loaded")
    one(journal, "remove", "kept")
    assert journal.raise_generation() == 2 == journal.generation()
    assert list(journal.xref("people")) == [] and journal.entry("people", "P1") is None
    again = one(journal, "create", "loaded", destination_id="id2-P1")
    assert [batch for batch, _ in journal.batches_backwards()] == [again, kept]
    one(journal, "remove", "removed", run=journal.start_run("rollback", "", {}))  # the first generation's record, forced
    assert reference(journal) == ("id2-P1", "loaded", "c1", "loaded")
    assert [batch for batch, _ in journal.batches_backwards()] == [again]


def test_going_backwards_skips_what_is_undone_meanwhile(journal: Journal) -> None:
    """A rollback that was interrupted goes on where it stopped: newest batch first, undone entries left out."""
    first = settle(
        journal, [intent(f"P{n}") for n in range(4)], [Outcome("loaded", {"n": n}) for n in range(3)] + [Outcome("rejected")]
    )
    delta = journal.start_run("delta", "marker-2", {})
    second = settle(journal, [intent("P1", "update", "c2", before={"n": 1})], [Outcome("updated", {"n": 7})], delta)
    rollback = journal.start_run("rollback", "", {})

    def keys(run: int | None = None) -> list[tuple[int, list[str]]]:
        return [(batch, [entry.source_key for entry in found]) for batch, found in journal.batches_backwards(run)]

    assert keys() == [(second, ["P1"]), (first, ["P0", "P1", "P2"])]
    assert keys(delta) == [(second, ["P1"])]
    backwards = journal.batches_backwards()
    assert next(backwards)[1][0].before == {"n": 1}
    settle(journal, [intent("P1", "restore")], [Outcome("restored", {"n": 1})], rollback)
    settle(journal, [intent("P2", "remove")], [Outcome("removed")], rollback)
    settle(journal, [intent("P0", "remove")], [Outcome("kept", {"n": 5})], rollback)
    assert [(batch, [entry.source_key for entry in found]) for batch, found in backwards] == [(first, ["P0", "P1"])]
    assert keys() == [(first, ["P0", "P1"])]


def test_a_removed_record_takes_its_updates_with_it(journal: Journal) -> None:
    """Once the record is gone, neither its creation nor its updates are left to be undone."""
    one(journal, "create", "loaded")
    one(journal, "update", "updated", "c2")
    one(journal, "remove", "removed")
    assert list(journal.batches_backwards()) == []


def test_an_undo_may_name_the_entry_it_takes_back(journal: Journal) -> None:
    """Undoing an earlier of two updates leaves the later one to be undone."""
    one(journal, "create", "loaded")
    earlier, later = one(journal, "update", "updated", "c2"), one(journal, "update", "updated", "c3")
    one(journal, "restore", "restored", "c3", undoes=(earlier, 0))
    assert [batch for batch, _ in journal.batches_backwards()] == [later, 1]


def test_schema_changes_are_undone_by_their_own_kind_of_run(journal: Journal) -> None:
    """Applied changes are entries of the record `schema`; asked for by kind, not among the loads."""
    apply = journal.start_run("apply", "", {})
    change = Intent("schema_apply", "schema", "people", "people.bloodGroup", "", "create_field people.bloodGroup", "d", "", None)
    batch = settle(journal, [change], [Outcome("applied", {"id": "f1"})], apply)
    assert list(journal.batches_backwards()) == []
    ((found, (entry,)),) = journal.batches_backwards(kinds=("apply",))
    assert (found, entry.operation, entry.source_key, entry.after) == (batch, "schema_apply", change.source_key, {"id": "f1"})
    undo = Intent("schema_undo", "schema", "people", "people.bloodGroup", "", change.source_key, "d", "", None)
    settle(journal, [undo], [Outcome("undone")], journal.start_run("rollback", "", {}))
    assert list(journal.batches_backwards(kinds=("apply",))) == []


def test_counts_are_of_source_keys_not_of_attempts(journal: Journal) -> None:
    """A batch refused whole and bisected counts each record once, by its last end in the run; uploads are not records."""
    keys = ["P1", "P2", "P3"]
    settle(journal, [intent(key) for key in keys], [Outcome("rejected")] * 3)
    settle(journal, [intent("P1"), intent("P2")], [Outcome("loaded")] * 2)
    settle(journal, [intent("P1", "upload")], [Outcome("failed")])
    delta = journal.start_run("delta", "", {})
    settle(journal, [intent("P1", "update", "c2")], [Outcome("conflict")], delta)
    assert journal.counts(1) == {("people", "loaded"): 2, ("people", "rejected"): 1}
    assert journal.counts(delta) == {("people", "conflict"): 1}
    assert journal.counts() == {("people", "loaded"): 2, ("people", "rejected"): 1}


def test_the_latest_image_is_found_by_destination_id(journal: Journal) -> None:
    """Compare holds a row against what the destination last answered; refused attempts do not count."""
    one(journal, "create", "loaded", "c1")
    one(journal, "update", "updated", "c2")
    one(journal, "update", "rejected", "c3")
    found = journal.entries_by_destination_ids(["id-P1", "unknown"])
    assert {identity: entry.after for identity, entry in found.items()} == {"id-P1": {"content": "c2"}}


def test_the_cross_reference_streams_in_order_in_arrow(journal: Journal, monkeypatch: pytest.MonkeyPatch) -> None:
    """More rows than a page holds come in several batches of one schema, each key once, in the order of the keys."""
    monkeypatch.setattr("crosswalk.store.journal._XREF_ROWS", 7)
    keys = [f"P{number:02}" for number in range(21)]
    settle(journal, [intent(key) for key in reversed(keys)], [Outcome("loaded")] * len(keys))
    batches = list(journal.xref("people"))
    assert [batch.num_rows for batch in batches] == [7, 7, 7] and all(batch.schema == XREF_SCHEMA for batch in batches)
    assert [row["source_key"] for batch in batches for row in batch.to_pylist()] == keys


def test_runs_are_told_in_order(journal: Journal) -> None:
    """A run is `running` until it is finished; kind, marker and details come back."""
    journal.start_run("delta", "marker-2", {})
    journal.finish_run(1, "done")
    first, second = journal.runs()
    assert (first.id, first.kind, first.marker, first.state, first.details) == (1, "full", "marker-1", "done", {"selection": "all"})
    assert first.ended is not None and first.started <= first.ended
    assert (second.id, second.state, second.ended) == (2, "running", None)


def test_the_audit_log_tells_everything_in_order(journal: Journal) -> None:
    """Events, writes, errors and open intents stand in the order they were noted, and each can be searched for."""
    journal.record_event("approval", {"what": "map", "by": "Dr. Ames", "digest": "d"})
    batch = settle(journal, [intent("P1"), intent("P2")], [Outcome("loaded"), Outcome("rejected", None, "duplicate e-mail")])
    asyncio.run(journal.open_batch(1, [intent("P1", "update", "c2")]))
    journal.record_event("accepted", {"code": "webhooks"}, run=1)
    lines = list(journal.audit())
    assert [(line.event or line.operation, line.state) for line in lines] == [
        ("run_started", None),
        ("approval", None),
        ("create", "loaded"),
        ("create", "rejected"),
        ("update", "open"),
        ("accepted", None),
    ]
    assert lines[1].details["by"] == "Dr. Ames" and lines[3].message == "duplicate e-mail" and lines[3].settled_at is not None
    searches: list[tuple[dict[str, Any], list[str]]] = [
        ({"source_key": "P1"}, ["create P1", "update P1"]),
        ({"destination_id": "id-P2"}, ["create P2"]),
        ({"state": "rejected"}, ["create P2"]),
        ({"state": "open"}, ["update P1"]),
        ({"operation": "create", "source_key": "P1"}, ["create P1"]),
        ({"run": 2}, []),
        ({"source_key": "P1", "limit": 1}, ["create P1"]),
    ]
    for search, expected in searches:
        assert [f"{line.operation} {line.source_key}" for line in journal.audit(**search)] == expected
    assert lines[2].batch == batch and len(list(journal.audit(run=1))) == 5


def test_a_cancelled_callers_outcome_is_still_noted(journal: Journal) -> None:
    """Ctrl-C while the outcome is being written does not lose it: it is true already."""

    async def cancelled() -> None:
        batch = await journal.open_batch(1, [intent("P1")])
        task = asyncio.ensure_future(journal.close_batch(batch, [Outcome("loaded")]))
        await asyncio.sleep(0)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task

    asyncio.run(cancelled())
    journal.close()
    assert journal.open_batches() == []


def test_a_file_that_is_no_journal_is_refused(tmp_path: Path) -> None:
    """Damage at the start of the file is said with the remedy; a journal of a newer format is a usage error."""
    (tmp_path / "journal.sqlite").write_bytes(b"not a database" * 100)
    with pytest.raises(CrosswalkError, match="cannot be read as a journal"):
        Journal.open(tmp_path / "journal.sqlite")


def test_a_newer_journal_is_left_alone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A journal whose format this Crosswalk does not know is not touched."""
    with monkeypatch.context() as newer:
        newer.setattr("crosswalk.store.database.FORMAT", 99)
        Journal.open(tmp_path / "journal.sqlite").close()
    with pytest.raises(UsageError, match="format 99"):
        Journal.open(tmp_path / "journal.sqlite")


def test_the_tables_can_be_made_on_postgresql() -> None:
    """Nothing in the tables is SQLite's own: PostgreSQL's compiler takes them, with 64-bit numbers."""
    made = "\n".join(str(CreateTable(table).compile(dialect=postgresql.dialect())) for table in metadata.sorted_tables)
    assert "ROWID" not in made and "position BIGINT NOT NULL" in made


def test_two_writers_take_turns(journal: Journal, tmp_path: Path) -> None:
    """Should two processes write after all, neither loses a row and the chain stays one."""

    async def both(other: Journal) -> list[int]:
        calls = [(journal, other)[number % 2].open_batch(1, [intent(f"P{number}")]) for number in range(40)]
        return list(await asyncio.gather(*calls))

    with Journal.open(tmp_path / "journal.sqlite") as other:
        numbers = asyncio.run(both(other))
        other.record_event("verb", {})
    assert sorted(numbers) == list(range(1, 41)) and journal.verify_chain().ok
