"""The folder being written: every table open at once, dirt planted at its turn, everything entered in the ledger."""

import random
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal, Protocol

from crosswalk_sandbox.services.pulse.clinic import dialect_marks, dirt, tables
from crosswalk_sandbox.services.pulse.clinic.delimited import DelimitedTable
from crosswalk_sandbox.services.pulse.clinic.dirt import CellDirt, RowDirt
from crosswalk_sandbox.services.pulse.clinic.ledger import Ledger, Row
from crosswalk_sandbox.services.pulse.clinic.tables import TableSpec
from crosswalk_sandbox.services.pulse.clinic.workbook import Workbook

Format = Literal["csv", "xlsx"]


class NotPlantedError(Exception):
    """A kind of dirt found no row to sit on, so PLANTED.json would promise less than every kind."""


class Table(Protocol):
    """What the text file and the sheet have in common."""

    name: str
    header_line: int

    def row(self, cells: Sequence[str]) -> int:
        """Write a record and answer its line."""
        ...

    def blank_line(self) -> int:
        """Write an empty line and answer it."""
        ...

    def close(self) -> None:
        """Finish the table."""
        ...


@dataclass(slots=True)
class _Turn:
    """Dirt that waits for the first fitting row at or after a patient's turn."""

    start: int
    what: CellDirt | RowDirt


@dataclass(slots=True)
class _Open:
    """A table being written, with the dirt still to come and the extra rows still to be written."""

    spec: TableSpec
    table: Table
    turns: list[_Turn]
    later: list[tuple[int, RowDirt, Row]] = field(default_factory=lambda: [])


class Export:
    """Writes rows into the folder. `patients` and `seed` decide where the dirt goes; nothing is held but open files."""

    def __init__(self, folder: Path, patients: int, seed: int, form: Format) -> None:
        self.ledger = Ledger()
        self._form: Format = form
        self._book = Workbook(folder) if form == "xlsx" else None
        self._open: dict[str, _Open] = {}
        for spec in tables.TABLES:
            table: Table = DelimitedTable(folder, spec) if self._book is None else self._book.table(spec)
            self._open[spec.object] = _Open(spec, table, self._turns(spec, patients, seed))
            for mark in dialect_marks.file_marks(spec) if form == "csv" else dialect_marks.header_marks(spec):
                self.ledger.enter(mark, table.name, 1 if mark.kind == "preamble_line" else table.header_line, None)

    def _turns(self, spec: TableSpec, patients: int, seed: int) -> list[_Turn]:
        found = [item for item in (*dirt.CELLS, *dirt.ROWS) if item.table is spec and self._form in item.formats]
        rng = random.Random(f"{seed}:{spec.object}:dirt")
        rng.shuffle(found)
        # The last twentieth stays free, so that a turn which must wait for a fitting row still finds one.
        stride = patients * 0.95 / max(len(found), 1)
        return [_Turn(int((position + rng.random() * 0.5) * stride), item) for position, item in enumerate(found)]

    def put(self, spec: TableSpec, row: Row, index: int) -> None:
        """Write one record of the patient at `index` (from 0), with the dirt whose turn it is."""
        opened = self._open[spec.object]
        turn = self._due(opened, row, index)
        if turn is not None and isinstance(turn.what, CellDirt):
            row = turn.what.plant(row)
        self.ledger.write(spec, opened.table.name, opened.table.row(row.cells), row)
        if turn is not None and isinstance(turn.what, RowDirt):
            opened.later.append((index + turn.what.delay, turn.what, row))
        if opened.later:
            self._write_extras(opened, index)

    def _due(self, opened: _Open, row: Row, index: int) -> _Turn | None:
        if not opened.turns or opened.turns[0].start > index or not row.clean:
            return None
        for turn in opened.turns:
            if turn.start <= index and (isinstance(turn.what, RowDirt) or turn.what.fits(row)):
                opened.turns.remove(turn)
                return turn
        return None

    def _write_extras(self, opened: _Open, index: float) -> None:
        for item in [item for item in opened.later if item[0] <= index]:
            opened.later.remove(item)
            _, what, source = item
            row = what.plant(source)
            blank = what.kind == "blank_line"
            line = opened.table.blank_line() if blank else opened.table.row(row.cells)
            self.ledger.write(opened.spec, opened.table.name, line, row, what.counts)

    def close(self) -> None:
        """Write what still waits and finish every file. Raises NotPlantedError when a kind of dirt found no place."""
        for opened in self._open.values():
            self._write_extras(opened, float("inf"))
            if opened.turns:
                kinds = ", ".join(turn.what.kind for turn in opened.turns)
                raise NotPlantedError(
                    f"No row of {opened.spec.object} could take: {kinds}. Choose another --seed or more --patients."
                )
            if opened.spec is tables.INTAKE and isinstance(opened.table, DelimitedTable):
                self._unclosed(opened.table)
            opened.table.close()
        if self._book is not None:
            self._book.close()

    def _unclosed(self, table: DelimitedTable) -> None:
        cells = ["PDC-9000004", "05-Mar-2024", "Test Contact", "Friend", "9845000000", "", "", "Yes", "Y", "Walk-in"]
        line = table.unclosed(cells)
        self.ledger.write(tables.INTAKE, table.name, line, Row("PDC-9000004 | 05-Mar-2024", cells, (dirt.UNCLOSED,)), "damaged")

    @property
    def files(self) -> dict[str, str]:
        """Object to the file (or `workbook#sheet`) that holds it."""
        return {name: opened.table.name for name, opened in self._open.items()}
