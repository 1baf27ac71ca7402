"""What was written and what was planted: the counts and the list that PLANTED.json holds."""

from collections import Counter
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any, Literal

from crosswalk_sandbox.services.pulse.clinic.tables import TableSpec

Expect = Literal["quarantined", "folded", "finding", "kept", "rejected", "excluded"]
Counts = Literal["record", "folded", "damaged", "blank"]


@dataclass(frozen=True, slots=True)
class Mark:
    """One deviation on one row. Counted marks are everyday variations: one entry per file and field, with how often."""

    kind: str
    field: str | None
    expect: Expect
    note: str
    counted: bool = False
    related: tuple[str, ...] = ()
    """Keys of other records that take part, such as the relative whose e-mail address this is."""


@dataclass(frozen=True, slots=True)
class Row:
    """One row about to be written."""

    key: str
    cells: list[str]
    marks: tuple[Mark, ...] = ()
    paise: tuple[int, int, int] | None = None
    """Of a bill: amount, paid and balance in hundredths of a rupee."""
    protected: bool = False
    """Other rows rely on this one's cells: nothing may be planted on it."""

    @property
    def clean(self) -> bool:
        """Whether something may still be planted here."""
        return not self.protected and all(mark.counted for mark in self.marks)


@dataclass(slots=True)
class Ledger:
    """Running counts; its size depends on the kinds of dirt, not on the number of patients."""

    rows: Counter[str] = field(default_factory=lambda: Counter[str]())
    blank_rows: Counter[str] = field(default_factory=lambda: Counter[str]())
    objects: Counter[str] = field(default_factory=lambda: Counter[str]())
    tallies: dict[str, Counter[str]] = field(default_factory=lambda: {})
    paise: list[int] = field(default_factory=lambda: [0, 0, 0])
    dirt: list[dict[str, Any]] = field(default_factory=lambda: [])
    _counted: dict[tuple[str, str, str | None], dict[str, Any]] = field(default_factory=lambda: {})

    def write(self, spec: TableSpec, name: str, line: int, row: Row, counts: Counts = "record") -> None:
        """Enter one written row: `name` is its file (or sheet), `line` where it begins."""
        if counts == "blank":
            self.blank_rows[name] += 1
        else:
            self.rows[name] += 1
        if counts == "record":
            self._record(spec, name, line, row)
        for mark in row.marks:
            if not mark.counted:
                self.enter(mark, name, line, row.key)

    def _record(self, spec: TableSpec, name: str, line: int, row: Row) -> None:
        self.objects[_object_of(spec, row)] += 1
        self._tally(spec, row)
        for mark in row.marks:
            if mark.counted:
                self._count(mark, name, line, row.key)
        for day_first, column in spec.day_first_columns:
            if _is_ambiguous(row.cells[column]):
                self._count(Mark("ambiguous_date", day_first, "kept", AMBIGUOUS, counted=True), name, line, row.key)
        if "\n" not in "".join(row.cells):
            return
        for position, cell in enumerate(row.cells):
            if "\n" in cell:
                mark = Mark("quoted_newline", spec.fields[position], "kept", "a quoted cell of several lines", counted=True)
                self._count(mark, name, line, row.key)

    def _tally(self, spec: TableSpec, row: Row) -> None:
        column = TALLIED.get(spec.object)
        if column is not None:
            self.tallies.setdefault(spec.object, Counter())[row.cells[spec.position(column)]] += 1
        if row.paise is not None:
            self.paise = [total + part for total, part in zip(self.paise, row.paise, strict=True)]

    def enter(self, mark: Mark, name: str, line: int, key: str | None) -> None:
        """List one planted deviation."""
        self.dirt.append(_entry(mark, name, line, key))

    def _count(self, mark: Mark, name: str, line: int, key: str) -> None:
        found = self._counted.get((mark.kind, name, mark.field))
        if found is None:
            found = self._counted[mark.kind, name, mark.field] = _entry(mark, name, line, key) | {"count": 0}
            self.dirt.append(found)
        found["count"] += 1

    def totals(self) -> dict[str, Any]:
        """Business totals over distinct records (folded and damaged rows left out), rupees as decimal strings."""
        names = ("amount", "paid", "balance")
        money = {name: str(Decimal(part).scaleb(-2)) for name, part in zip(names, self.paise, strict=True)}
        return {"billing": money} | {
            f"{name}_by_{LABELS[name]}": dict(sorted(counter.items())) for name, counter in self.tallies.items()
        }


AMBIGUOUS = "day and month could be swapped; the column's other values show that the day comes first"
TALLIED = {"appointments": "Appt Status", "billing": "Payment Status", "messages": "Channel", "campaign_members": "Delivery Status"}
"""The field whose values are counted, per object."""
LABELS = {"appointments": "status", "billing": "status", "messages": "channel", "campaign_members": "status"}


def _object_of(spec: TableSpec, row: Row) -> str:
    if spec.object == "patients" and row.cells[1] != "Patient":
        return "clinics"
    return spec.object


def _is_ambiguous(cell: str) -> bool:
    """Whether dd/mm/yyyy reads as another valid date with the month first."""
    return cell[2:3] == "/" and cell[:2] <= "12" and cell[3:5] <= "12" and cell[:2] != cell[3:5]


def _entry(mark: Mark, name: str, line: int, key: str | None) -> dict[str, Any]:
    entry: dict[str, Any] = {"kind": mark.kind, "file": name, "line": line, "key": key or None, "field": mark.field}
    entry |= {"expect": mark.expect, "note": mark.note, "count": 1}
    return entry | ({"related": list(mark.related)} if mark.related else {})
