"""The ledger's law: every source row in exactly one state, told by the records made of it, and a reason where it is not plain."""

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from crosswalk.model.staged_writes import StagedRecord
from crosswalk.store import staging_ledger as ledger

Row = tuple[str, str, list[str], str | None]
"""A staged write: its key, what its load came to (`''`: written), its findings, and why it was rejected."""
Part = tuple[str, str, int, str, list[str] | None]
"""Which source row went how into which record, and which leaves it feeds."""


@pytest.fixture
def connection() -> Iterator[duckdb.DuckDBPyConnection]:
    """A database with empty ledger tables and an empty cross-reference."""
    with duckdb.connect() as opened:
        ledger.prepare_ledger(opened)
        names = ("record", "source_key", "destination_id", "state", "last_state", "content")
        opened.execute(f"CREATE TABLE load_xref ({', '.join(f'{name} VARCHAR' for name in names)})")
        yield opened


def add(connection: duckdb.DuckDBPyConnection, folder: Path, name: str, rows: Sequence[Row], parts: Sequence[Part]) -> None:
    """One mapped record: what became of its rows, and the source rows they came from."""
    writes = {
        "_key": pa.array([row[0] for row in rows], pa.string()),
        "_findings": pa.array([row[2] for row in rows], pa.list_(pa.string())),
        "_reason": pa.array([row[3] for row in rows], pa.string()),
        "_state": pa.array(["rejected" if row[3] else "ready" for row in rows], pa.string()),
        "_content": pa.array(["c"] * len(rows), pa.string()),
    }
    columns = zip(("_key", "source_object", "_row", "part"), zip(*(part[:4] for part in parts), strict=True), strict=True)
    told: dict[str, Any] = {key: pa.array(list(values)) for key, values in columns}
    told["paths"] = pa.array([part[4] for part in parts], pa.list_(pa.string()))
    pq.write_table(pa.table(writes), folder / f"{name}.parquet")
    pq.write_table(pa.table(told), folder / f"{name}.contributions.parquet")
    for key, outcome, *_ in rows:
        if outcome != "never":
            state = "loaded" if outcome == "" else "absent"
            connection.execute("INSERT INTO load_xref VALUES (?, ?, ?, ?, ?, 'c')", [name, key, key, state, outcome or "applied"])
    record = StagedRecord(
        record=name, object=name, source_object=name, wave=1, link=False, file=f"{name}.parquet",
        contributions=f"{name}.contributions.parquet", rows=len(rows), columns=(), states={}, findings={},
    )  # fmt: skip
    ledger.add_record(connection, record, folder)


def states(connection: duckdb.DuckDBPyConnection, folder: Path, name: str, rows: int) -> dict[str, int]:
    """The object's line of the ledger, for that many extracted rows."""
    raw = {"_row": pa.array(range(1, rows + 1), pa.int64()), "_state": pa.array(["staged"] * rows)}
    pq.write_table(pa.table(raw), folder / "raw.parquet")
    return ledger.object_states(connection, name, folder / "raw.parquet")


def test_the_records_made_of_a_row_decide(connection: duckdb.DuckDBPyConnection, tmp_path: Path) -> None:
    """Doctors that arrived are loaded, whatever became of patients they are joined to; of two records of a row the worst counts."""
    doctors: list[Part] = [("d1", "doctors", 1, "made", None), ("d2", "doctors", 2, "made", None)]
    patients: list[Part] = [("p1", "patients", 1, "made", None), ("p2", "patients", 2, "made", None)]
    add(connection, tmp_path, "practitioners", [("d1", "", [], None), ("d2", "", [], None)], doctors)
    people: list[Row] = [("p1", "", [], "required_missing:name"), ("p2", "", [], None)]
    add(connection, tmp_path, "people", people, [*patients, ("p1", "doctors", 1, "joined", ["doctor"])])
    add(connection, tmp_path, "notes", [("d2", "rejected", [], None)], [("d2", "doctors", 2, "made", None)])
    ledger.decide_rows(connection)
    assert states(connection, tmp_path, "doctors", 2) == {"loaded": 1, "rejected": 1}
    assert states(connection, tmp_path, "patients", 2) == {"loaded": 1, "rejected": 1}
    assert ledger.reasons(connection) == [
        ("doctors", "rejected", "rejected", 1, ["d2"]), ("patients", "rejected", "required_missing:name", 1, ["p1"]),
    ]  # fmt: skip


def test_a_gathered_row_shares_its_records_end_with_a_reason(connection: duckdb.DuckDBPyConnection, tmp_path: Path) -> None:
    """It is lost with a rejected patient, has the findings of its own leaf only, and waits where the patient was never sent."""
    rows: list[Row] = [
        ("p1", "rejected", [], None), ("p2", "", ["phone_invalid:phone"], None), ("p3", "", ["too_long:history"], None),
        ("p4", "never", [], None),
    ]  # fmt: skip
    gathered: list[Part] = [(f"p{n}", "visits", n, "gathered", ["history"]) for n in range(1, 5)]
    add(connection, tmp_path, "people", rows, [*gathered, *((f"p{n}", "patients", n, "made", None) for n in range(1, 5))])
    ledger.decide_rows(connection)
    assert states(connection, tmp_path, "visits", 5) == {
        "rejected": 1, "loaded": 1, "loaded_with_findings": 1, "unaccounted": 1, "excluded": 1,
    }  # fmt: skip
    told = [(state, code, count, keys) for name, state, code, count, keys in ledger.reasons(connection) if name == "visits"]
    assert told == [
        ("loaded_with_findings", "too_long:history", 1, ["p3"]), ("rejected", "rejected", 1, ["p1"]),
        ("unaccounted", "not_loaded", 1, ["p4"]),
    ]  # fmt: skip


def test_a_joined_row_stands_where_one_record_stands(connection: duckdb.DuckDBPyConnection, tmp_path: Path) -> None:
    """A form joined to a written and a rejected patient has arrived; joined to a rejected one only, it has not."""
    rows: list[Row] = [("p1", "", [], None), ("p2", "rejected", [], None), ("p3", "rejected", [], None)]
    parts: list[Part] = [(key, "forms", row, "joined", ["x"]) for key, row in (("p1", 1), ("p2", 1), ("p3", 2))]
    add(connection, tmp_path, "people", rows, parts)
    ledger.decide_rows(connection)
    assert states(connection, tmp_path, "forms", 2) == {"loaded": 1, "rejected": 1}
    assert ledger.reasons(connection) == [("forms", "rejected", "rejected", 1, ["p3"])]


def test_a_row_that_the_map_takes_is_never_excluded(connection: duckdb.DuckDBPyConnection, tmp_path: Path) -> None:
    """Taken by the map and not among the staged writes: unaccounted for; taken by none: excluded."""
    add(connection, tmp_path, "people", [("p1", "", [], None)], [("p1", "patients", 1, "made", None)])
    ledger.add_taken(connection, "patients", "SELECT unnest([1, 2]) AS _row")
    ledger.decide_rows(connection)
    assert states(connection, tmp_path, "patients", 3) == {"loaded": 1, "unaccounted": 1, "excluded": 1}
    assert ledger.not_taken(connection, "patients", tmp_path / "raw.parquet") == (0, 1, 1)
