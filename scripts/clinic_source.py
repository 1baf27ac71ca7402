"""The source's side of a check: the clinic's CSV files, and measures that hold one thing from both sides.

Standard library only; nothing of Crosswalk's is imported.
"""

import csv
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

Bag = Counter[tuple[str, ...]]


@dataclass(frozen=True, slots=True)
class Measure:
    """One line of the table. `missing` and `surplus` count facts that only one side has; a bag agrees when both are 0."""

    name: str
    expected: str
    found: str
    missing: int = 0
    surplus: int = 0

    @property
    def agrees(self) -> bool:
        return self.expected == self.found and not self.missing and not self.surplus


class Clinic:
    """The export: rows of one file by its name. Raises SystemExit where a file is missing."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def rows(self, name: str) -> list[dict[str, str]]:
        path = self.folder / f"{name}.csv"
        if not path.is_file():
            raise SystemExit(f"{path} is missing: --source names the folder with the clinic's CSV files")
        with path.open(newline="", encoding="utf-8") as file:
            return list(csv.DictReader(file))

    def patients(self, kind: str) -> list[dict[str, str]]:
        return [row for row in self.rows("patients") if row["Type"] == kind]


def lines(text: str) -> str:
    """Text without the differences that line ends make."""
    return text.replace("\r\n", "\n")


def instant(text: str | None) -> str:
    """A moment in UTC to the millisecond, as Twenty keeps it; what is no moment stays as it is."""
    try:
        moment = datetime.fromisoformat(text or "")
    except ValueError:
        return text or ""
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=UTC)
    return moment.astimezone(UTC).isoformat(timespec="milliseconds")


def same(name: str, expected: object, found: object) -> Measure:
    return Measure(name, str(expected), str(found))


def bag(name: str, expected: Iterable[tuple[str, ...]], found: Iterable[tuple[str, ...]]) -> Measure:
    here, there = Bag(expected), Bag(found)
    return Measure(name, str(here.total()), str(there.total()), (here - there).total(), (there - here).total())
