"""Every deviation that is planted once, as data: on a cell, as a row of its own, or as a whole file's dialect.

Everyday variations (a phone with +91, a name in Tamil) are marked where the rows are made, see people.py and visits.py.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace

from crosswalk_sandbox.services.pulse.clinic import tables
from crosswalk_sandbox.services.pulse.clinic.ledger import Counts, Expect, Mark, Row
from crosswalk_sandbox.services.pulse.clinic.tables import TableSpec
from crosswalk_sandbox.services.pulse.clinic.workbook import CELL_MAX

BOTH = frozenset({"csv", "xlsx"})
CSV = frozenset({"csv"})
LONG_CELL = 100_000


@dataclass(frozen=True, slots=True)
class CellDirt:
    """One cell of one record is changed. `wanted` says which values it may be planted on."""

    kind: str
    table: TableSpec
    field: str
    change: Callable[[str], str]
    expect: Expect
    note: str
    wanted: Callable[[str], bool] = bool
    formats: frozenset[str] = BOTH

    def fits(self, row: Row) -> bool:
        """Whether this row's cell may be changed."""
        return self.wanted(row.cells[self.table.position(self.field)])

    def plant(self, row: Row) -> Row:
        """The row with its cell changed; what was said of that cell before no longer holds."""
        cells = list(row.cells)
        position = self.table.position(self.field)
        cells[position] = self.change(cells[position])
        marks = tuple(mark for mark in row.marks if mark.field != self.field)
        return replace(row, cells=cells, marks=(*marks, Mark(self.kind, self.field, self.expect, self.note)))


@dataclass(frozen=True, slots=True)
class RowDirt:
    """A row of its own is written, made from an ordinary one, `delay` patients later."""

    kind: str
    table: TableSpec
    build: Callable[[Row], Row]
    counts: Counts
    expect: Expect
    note: str
    field: str | None = None
    delay: int = 0
    formats: frozenset[str] = BOTH

    def plant(self, row: Row) -> Row:
        """The extra row, marked. Its everyday variations count only if it is a record."""
        built = self.build(row)
        kept = built.marks if self.counts == "record" else ()
        return replace(built, marks=(*kept, Mark(self.kind, self.field, self.expect, self.note)))


def _with(row: Row, spec: TableSpec, key: str, **cells: str) -> Row:
    """The row under another key, some cells (by field, `_` for a blank) replaced."""
    changed = list(row.cells)
    changed[0] = key
    for name, value in cells.items():
        changed[spec.position(name.replace("_", " "))] = value
    return replace(row, key=key, cells=changed)


def _stale_patient(row: Row) -> Row:
    """The same patient as an older copy: another address, not updated since the registration."""
    cells = list(row.cells)
    cells[tables.PATIENTS.position("Address Line")] = "Old address, see new card"
    cells[tables.PATIENTS.position("Last Updated")] = cells[tables.PATIENTS.position("REGISTERED ON")]
    return replace(row, cells=cells)


def _too_many_patient(row: Row) -> Row:
    at = tables.PATIENTS.position("Address Line")
    cells = ["PDC-9000001", *row.cells[1:at], "Flat 4", " B Block", *row.cells[at + 1 :]]
    return replace(row, key="PDC-9000001", cells=cells)


def _too_many_message(row: Row) -> Row:
    return replace(row, key="MSG-9000001", cells=["MSG-9000001", *row.cells[1:], "sent again", "ok"])


def _too_few(key: str, keep: int) -> Callable[[Row], Row]:
    return lambda row: replace(row, key=key, cells=[key, *row.cells[1:keep]])


def _orphan_bill(row: Row) -> Row:
    return _with(row, tables.BILLING, "INV/X/000001", UHID="PDC-9000003", Appt_No="")


def _blank_policy(row: Row) -> Row:
    cells = list(row.cells)
    cells[tables.POLICIES.position("Policy Number")] = ""
    company, start = cells[tables.POLICIES.position("Company Code")], cells[tables.POLICIES.position("Cover From")]
    return replace(row, key=f"{cells[0]} | {company} | {start}", cells=cells)


def _blank(row: Row) -> Row:
    return replace(row, key="", cells=[""] * len(row.cells))


def _to_length(length: int) -> Callable[[str], str]:
    def change(cell: str) -> str:
        line = "\nScanned operation notes, page text follows without a break."
        return (cell + line * (length // len(line) + 1))[: length - 1] + "."

    return change


P = tables.PATIENTS
CELLS = (
    CellDirt("impossible_date", P, "Date of Birth", lambda v: f"31/02/{v[6:]}", "finding", "no such day in the calendar"),
    CellDirt("phone_too_short", P, "Contact No.", lambda v: "984501234", "finding", "nine digits, one was lost"),
    CellDirt("email_invalid", P, "E-mail ID", lambda v: v.replace("@", "@@"), "finding", "not an e-mail address"),
    CellDirt(
        "name_zero_width",
        P,
        "Name of Patient",
        lambda v: f"{v[:2]}\u200b{v[2:]}",
        "kept",
        "a zero-width space to clean off",
        str.isascii,
    ),
    CellDirt("pin_leading_zero", P, "Pin", lambda v: f"0{v[1:]}", "kept", "a code, not a number: the zero stays"),
    CellDirt(
        "two_digit_year",
        P,
        "Date of Birth",
        lambda v: v[:6] + v[8:],
        "finding",
        "the century is a guess",
        lambda v: "1930" < v[6:] < "2000",
    ),
    CellDirt("phone_letters", P, "Contact No.", lambda v: "98450 ask son", "finding", "words instead of a number"),
    CellDirt(
        "phone_two_in_one",
        P,
        "Contact No.",
        lambda v: f"{v} / 98860 54321",
        "finding",
        "two valid numbers in one cell; only one can be the main number",
        lambda v: v.isdigit(),
    ),
    CellDirt(
        "name_nbsp", P, "Name of Patient", lambda v: v.replace(" ", "\u00a0"), "kept", "a no-break space to clean off", str.isascii
    ),
    CellDirt(
        "status_unknown",
        tables.APPOINTMENTS,
        "Appt Status",
        lambda v: "Rescheduled??",
        "finding",
        "a value nobody mapped",
        lambda v: v == "Cancelled",
    ),
    CellDirt(
        "nul_character", tables.PRESCRIPTIONS, "Dosage", lambda v: v[:3] + "\x00" + v[3:], "kept", "a NUL to clean off", formats=CSV
    ),
    CellDirt("excel_error", tables.POLICIES, "Sum Insured", lambda v: "#N/A", "finding", "an Excel error instead of a number"),
    CellDirt(
        "long_cell",
        tables.NOTES,
        "Note",
        _to_length(LONG_CELL),
        "kept",
        f"a cell of {LONG_CELL:,} characters",
        formats=CSV,
    ),
    CellDirt(
        "long_cell",
        tables.NOTES,
        "Note",
        _to_length(CELL_MAX),
        "kept",
        f"a cell of {CELL_MAX:,} characters, the most Excel holds",
        formats=frozenset({"xlsx"}),
    ),
)

ROWS = (
    RowDirt("duplicate_row", P, lambda row: row, "folded", "folded", "the same row again", delay=3),
    RowDirt("too_many_cells", P, _too_many_patient, "damaged", "quarantined", "a comma in the address without quotes", formats=CSV),
    RowDirt(
        "duplicate_id_differs",
        P,
        _stale_patient,
        "folded",
        "folded",
        "an older copy of the same patient with another address, later in the file; the newer row wins",
        "Address Line",
        9,
    ),
    RowDirt(
        "orphan_appointment",
        tables.APPOINTMENTS,
        lambda row: _with(row, tables.APPOINTMENTS, "APT-9000002", UHID="PDC-9000002"),
        "record",
        "finding",
        "no patient has this UHID",
        "UHID",
    ),
    RowDirt(
        "too_few_cells",
        tables.APPOINTMENTS,
        _too_few("APT-9000001", 5),
        "damaged",
        "quarantined",
        "the row breaks off",
        formats=CSV,
    ),
    RowDirt("duplicate_row", tables.APPOINTMENTS, lambda row: row, "folded", "folded", "the same row again", delay=5),
    RowDirt("orphan_bill", tables.BILLING, _orphan_bill, "record", "finding", "no patient has this UHID", "UHID"),
    RowDirt(
        "too_few_cells", tables.BILLING, _too_few("INV/X/000002", 7), "damaged", "quarantined", "the row breaks off", formats=CSV
    ),
    RowDirt(
        "policy_blank_number", tables.POLICIES, _blank_policy, "record", "finding", "a policy without its number", "Policy Number"
    ),
    RowDirt("too_many_cells", tables.MESSAGES, _too_many_message, "damaged", "quarantined", "tabs inside the text", formats=CSV),
    RowDirt("blank_line", tables.PRESCRIPTIONS, _blank, "blank", "excluded", "a line with nothing on it"),
    RowDirt("blank_cells", tables.MEMBERS, _blank, "blank", "excluded", "delimiters and nothing else", formats=CSV),
)

UNCLOSED = Mark(
    "unclosed_quote", "How did you hear of us?", "quarantined", "the last row's last cell opens a quote and the file ends"
)
