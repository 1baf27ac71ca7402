"""What the transform stage leaves for the loader: one Parquet file per mapped record, every row a write with its id.

Columns of `file` (relative to the workspace): `_id` (the destination id, UUIDv5 text), `_key` (source key of the record),
`_row` (order of the source), `_content` (digest of the leaf values, hex), `_findings` (list of `code:path`), `_state` and
`_reason` (below), then one column per leaf path, named by the path, of the DuckDB type that its neutral type stands for:
text-like, option, reference, json and file: VARCHAR; integer: BIGINT; decimal and money: DECIMAL(38,6); boolean: BOOLEAN;
date: DATE; datetime: TIMESTAMP (UTC); options and list: VARCHAR[].

`_state`: `ready` (create it, or change what was written before), `existing` (policy update: the destination's own row `_id`
is changed), `matched` (policy link: it stands for the source row, nothing is written), `excluded` (policy skip) and
`rejected` (`_reason` names the code and path, such as `required_missing:personId`; nothing is written).

Columns of `contributions`: `_key`, `source_object`, `_row`: which source rows ended in which record; `part`: `made` (the record
is made of it), `gathered` or `joined` (it lends values to the leaves in `paths`, VARCHAR[]; null for `made`).
"""

from collections.abc import Collection
from typing import Literal

from crosswalk.model.artefact import Artefact, Frozen
from crosswalk.model.destination_schema import FieldType

WriteState = Literal["ready", "existing", "matched", "excluded", "rejected"]


class StagedColumn(Frozen):
    """One leaf column. `reference` names the mapped record whose ids it holds; `required` rows need that parent loaded."""

    path: str
    type: FieldType
    reference: str | None = None
    required: bool = False


class StagedRecord(Frozen):
    """The writes of one mapped record, loaded in waves: parents' `wave` is smaller than children's."""

    record: str
    object: str
    source_object: str
    wave: int
    link: bool
    file: str
    contributions: str
    rows: int
    columns: tuple[StagedColumn, ...]
    states: dict[str, int]
    findings: dict[str, int]
    """`code:path` → rows."""

    def without(self, paths: Collection[str]) -> "StagedRecord":
        """The record without these columns."""
        return self.model_copy(update={"columns": tuple(item for item in self.columns if item.path not in paths)})

    def files(self) -> frozenset[str]:
        """The columns that hold documents."""
        return frozenset(item.path for item in self.columns if item.type == "file")

    def column(self, path: str) -> StagedColumn | None:
        """The column of that leaf path, or None."""
        return next((item for item in self.columns if item.path == path), None)


class StagedWrites(Artefact):
    """All writes of one transform, in load order, and the source rows no record took (excluded, by which rule)."""

    folder: str
    records: tuple[StagedRecord, ...]

    def record(self, name: str) -> StagedRecord | None:
        """The writes of that mapped record, or None."""
        return next((item for item in self.records if item.record == name), None)
