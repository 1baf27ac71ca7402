"""Compare: what was meant to be written with what the destination holds, field by field (E5)."""

from collections.abc import Mapping
from pathlib import Path

import duckdb

from crosswalk.model.destination_schema import DestinationSchema
from crosswalk.model.field_diff import DIFFERENCES_LISTED, Difference, FieldDiff
from crosswalk.model.staged_writes import StagedWrites
from crosswalk.stages._comparison import Expect, compare_records, total
from crosswalk.store import staging_diff as diff
from crosswalk.store.journal import Journal

VALUES_FILE = "reports/diff_values.parquet"


def compare(
    staged: StagedWrites,
    selection: Path | None,
    read_backs: Mapping[str, Path],
    *,
    schema: DestinationSchema,
    expected: Expect,
    journal: Journal,
    connection: duckdb.DuckDBPyConnection,
    folder: Path,
) -> FieldDiff:
    """Every staged row (or those of `selection`, a Parquet of record and _key), against `read_backs` (object → Parquet).

    `expected` is the destination's; `folder` the workspace. The values of unequal fields are kept in the workspace only.
    """
    comparison = compare_records(
        staged, selection, read_backs, schema=schema, expected=expected, journal=journal, connection=connection, folder=folder
    )
    diff.save_differences(connection, folder / VALUES_FILE)
    listed, differing = diff.differences(connection, DIFFERENCES_LISTED)
    counted = total(list(comparison.rows.values()))
    return FieldDiff(
        based_on={"staged": staged.digest()},
        rows=counted.rows,
        rows_missing=counted.missing,
        rows_not_written=counted.not_written,
        fields=comparison.fields,
        differences=tuple(
            Difference.model_validate({"record": record, "key": key, "destination_id": id, "field": field, "verdict": verdict})
            for record, key, id, field, verdict in listed
        ),
        differences_total=differing,
        values_file=VALUES_FILE,
    )
