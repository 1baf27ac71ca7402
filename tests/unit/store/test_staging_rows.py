"""The staged writes on their way to the loader: canonical, complete, and in an order the journal can take."""

from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import Any

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from crosswalk.model.destination_schema import FieldType
from crosswalk.model.staged_writes import StagedColumn, StagedRecord
from crosswalk.model.values import Value, canonical
from crosswalk.store.staging import PlannedRow, plan_rows, planned_rows, prepare

ARROW: dict[FieldType, Any] = {
    "text": pa.string(), "integer": pa.int64(), "money": pa.decimal128(38, 6), "boolean": pa.bool_(), "date": pa.date32(),
    "datetime": pa.timestamp("us"), "list": pa.list_(pa.string()), "json": pa.string(),
}  # fmt: skip
CELLS: dict[FieldType, st.SearchStrategy[Any]] = {
    "text": st.text(alphabet="ab \n'\"é", max_size=4),
    "integer": st.integers(-(2**62), 2**62),
    "money": st.decimals(-(10**12), 10**12, places=6, allow_nan=False),
    "boolean": st.booleans(),
    "date": st.dates(date(1, 1, 1), date(9999, 12, 31)),
    "datetime": st.datetimes(),
    "list": st.lists(st.text(alphabet="ab", min_size=1, max_size=2), max_size=3),
}


def staged(folder: Path, kind: FieldType, cells: list[Any]) -> StagedRecord:
    """Staged writes with one leaf of that type; keys count down while rows count up."""
    rows = len(cells)
    no_findings: list[str] = []
    columns: dict[str, Any] = {
        "_id": [f"id-{n}" for n in range(rows)],
        "_key": [f"{rows - n:04}" for n in range(rows)],
        "_row": pa.array(range(rows), pa.int64()),
        "_content": ["digest"] * rows,
        "_findings": pa.array([no_findings] * rows, pa.list_(pa.string())),
        "_state": ["ready"] * rows,
        "_reason": pa.array([None] * rows, pa.string()),
        "leaf": pa.array(cells, ARROW[kind]),
    }
    pq.write_table(pa.table(columns), folder / "things.parquet")
    return StagedRecord(
        record="things", object="things", source_object="things", wave=1, link=False, file="things.parquet", contributions="",
        rows=rows, columns=(StagedColumn(path="leaf", type=kind),), states={"ready": rows}, findings={},
    )  # fmt: skip


def planned(folder: Path, record: StagedRecord, *, many: bool = False) -> list[PlannedRow]:
    """Everything the loader would create."""
    with duckdb.connect() as connection:
        connection.execute("SET TimeZone = 'UTC'")
        prepare(connection, None)
        plan_rows(connection, record, folder / record.file, False)
        return [row for part in planned_rows(connection, record, folder / record.file, ["create"], 2, many) for row in part]


@pytest.mark.parametrize("kind", list(CELLS))
def test_a_cell_reaches_the_loader_in_canonical_form(kind: FieldType, tmp_path_factory: pytest.TempPathFactory) -> None:
    """Whatever a staged cell holds, the loader is given what model/values.py calls its canonical form."""
    folder = tmp_path_factory.mktemp("cells")

    @settings(deadline=None, max_examples=25, suppress_health_check=[HealthCheck.function_scoped_fixture])
    @given(cells=st.lists(st.none() | CELLS[kind], min_size=1, max_size=20))
    def law(cells: list[Any]) -> None:
        given_cells: list[Value] = [canonical(cell) for cell in cells]
        assert [row.values["leaf"] for row in planned(folder, staged(folder, kind, cells))] == given_cells

    law()


@pytest.mark.parametrize(
    ("kind", "cell", "given"),
    [("json", '{"a":[1]}', {"a": [1]}), ("json", "{}", None), ("money", Decimal("1200.500000"), "1200.5"), ("text", "", None)],
)
def test_some_cells_by_example(kind: FieldType, cell: Any, given: Value, tmp_path: Path) -> None:
    """JSON arrives parsed, money without its zeros, nothing at all as None."""
    assert [row.values["leaf"] for row in planned(tmp_path, staged(tmp_path, kind, [cell]))] == [given]


def test_rows_come_in_source_order_and_very_many_by_key(tmp_path: Path) -> None:
    """The source's order is kept until there are so many rows that the journal's trees decide."""
    record = staged(tmp_path, "text", ["a", "b", "c"])
    assert [row.values["leaf"] for row in planned(tmp_path, record)] == ["a", "b", "c"]
    assert [row.key for row in planned(tmp_path, record, many=True)] == ["0001", "0002", "0003"]
