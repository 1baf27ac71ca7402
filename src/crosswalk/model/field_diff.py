"""The comparison of what was meant to be written with what the destination holds, field by field (E5)."""

from typing import Literal

from crosswalk.model.artefact import Artefact, Frozen

Verdict = Literal["equal", "normalised", "different", "missing", "left_out", "not_written", "by_automation"]


class FieldCount(Frozen):
    """How many rows of a record have which verdict on one field.

    equal: as written; normalised: as the platform rewrites it (`rules`); different: anything else; missing: the row is not
    there; left_out: the loader left the field out, a reference because its parent was not loaded, or what a row that stands
    keeps from its creation (`rules`); not_written: we wrote nothing, and the destination holds something (its default, or a
    person's or an automation's value); by_automation: written as meant, and the platform's own automation has changed it
    since: a side effect, listed and undone.
    """

    record: str
    field: str
    equal: int = 0
    normalised: int = 0
    different: int = 0
    missing: int = 0
    left_out: int = 0
    not_written: int = 0
    by_automation: int = 0
    rules: tuple[str, ...] = ()


class Difference(Frozen):
    """One field of one row that does not hold what was meant. Names only; the values stay in the workspace (law 8)."""

    record: str
    key: str
    destination_id: str
    field: str
    """Empty for a missing row."""
    verdict: Verdict


class FieldDiff(Artefact):
    """The comparison of a load's rows (all, or a selection)."""

    rows: int
    rows_missing: int
    rows_not_written: int
    """Rows that were rejected, excluded or in conflict, and so have nothing to compare."""
    fields: tuple[FieldCount, ...]
    differences: tuple[Difference, ...]
    """At most `DIFFERENCES_LISTED`; all of them are in `values_file`."""
    differences_total: int
    values_file: str
    """Parquet in the workspace: record, key, destination_id, field, verdict, expected, actual."""

    def clean(self) -> bool:
        """Nothing is missing and nothing differs."""
        return not self.rows_missing and not self.differences_total


DIFFERENCES_LISTED = 1000
