"""What views are made of: headings, tables, notes and findings, shown on a terminal, in HTML and in a workbook alike."""

from collections.abc import Sequence
from dataclasses import dataclass
from textwrap import wrap
from typing import ClassVar, Literal

from rich import box
from rich.console import Console, ConsoleOptions, Group, RenderableType, RenderResult
from rich.padding import Padding
from rich.table import Table as RichTable
from rich.text import Text

from crosswalk.model.finding import Finding

Tone = Literal["plain", "good", "bad", "warn", "quiet"]
STYLES: dict[Tone, str] = {"plain": "", "good": "green", "bad": "bold red", "warn": "yellow", "quiet": "dim"}


@dataclass(frozen=True, slots=True)
class Toned:
    """A cell's text that should stand out, or step back."""

    text: str
    tone: Tone


Cell = str | int | Toned


def number(value: int) -> str:
    """
    >>> number(1234567)
    '1,234,567'
    """
    return f"{value:,}"


def some(value: int, tone: Tone = "plain") -> Cell:
    """A count that is left blank when it is zero, so that what is there stands out.

    >>> some(0), some(12), some(3, "bad")
    ('', 12, Toned(text='3', tone='bad'))
    """
    if not value:
        return ""
    return value if tone == "plain" else Toned(number(value), tone)


def mark(good: bool) -> Toned:
    """A tick or a cross."""
    return Toned("✓", "good") if good else Toned("✗", "bad")


def verdict(good: bool) -> Tone:
    """The tone of a yes or a no."""
    return "good" if good else "bad"


def text_of(cell: Cell) -> str:
    """A cell's text; whole numbers get thousands separators."""
    if isinstance(cell, Toned):
        return cell.text
    return cell if isinstance(cell, str) else number(cell)


def _rich_cell(cell: Cell) -> Text:
    return Text(text_of(cell), style=STYLES[cell.tone] if isinstance(cell, Toned) else "")


@dataclass(frozen=True, slots=True)
class Words:
    """Text whose lines break between words only: a path, a key or a digest stands whole, however long, so that it can be copied."""

    text: str
    style: str

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        for line in self.text.splitlines():
            for part in wrap(line, options.max_width, break_long_words=False, break_on_hyphens=False):
                yield Text(part, self.style, overflow="ignore")


@dataclass(frozen=True, slots=True)
class Heading:
    """A sentence that sums up."""

    kind: ClassVar[str] = "heading"
    text: str
    tone: Tone = "plain"

    def __rich__(self) -> RenderableType:
        return Group("", Words(self.text, f"bold {STYLES[self.tone].removeprefix('bold ')}"))


@dataclass(frozen=True, slots=True)
class Note:
    """A line."""

    kind: ClassVar[str] = "note"
    text: str
    tone: Tone = "quiet"

    def __rich__(self) -> RenderableType:
        return Words(self.text, STYLES[self.tone])


MARKS = "#~?!"
NARROW = 100
"""Columns of a terminal below which tables leave out what is marked so."""
FOLDED = 12
"""A column that folds should not be narrower."""
TIGHT = 8
"""Where it is very crowded, a column that folds may be as narrow as this."""


@dataclass(frozen=True, slots=True)
class Table:
    """Rows under columns. `#` before a column's name aligns it right; `~` marks one that folds where the terminal is narrow,
    `?` one that is left out there, `!` one that is to be copied (keys, ids): none of its lines is ever broken."""

    kind: ClassVar[str] = "table"
    title: str
    columns: Sequence[str]
    rows: Sequence[Sequence[Cell]]
    footer: Sequence[Cell] = ()

    def headers(self) -> list[tuple[str, bool]]:
        """(name, right-aligned) of every column."""
        return [(name.lstrip(MARKS), "#" in name[:2]) for name in self.columns]

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        narrow = options.max_width < NARROW
        shown = [place for place, name in enumerate(self.columns) if not (narrow and "?" in name[:2])]
        crowded, tight, too_tight = (self._least_width(shown, level) > options.max_width for level in (0, 1, 2))
        if too_tight and any("!" in self.columns[place][:2] for place in shown):
            yield from self._one_by_one(shown)
            return
        made = RichTable(title=self.title, title_justify="left", title_style="bold", box=box.SIMPLE_HEAD, pad_edge=False)
        made.show_footer = bool(self.footer)
        made.padding = (0, 0 if tight else 1 if crowded else 2, 0, 0)
        for place in shown:
            name, right = self.headers()[place]
            marked, copied = ("~" in self.columns[place][:2]), ("!" in self.columns[place][:2])
            folds = marked or (crowded and not right and not copied and (tight or place != shown[0]))
            made.add_column(
                name.replace(" ", "\n") if right and crowded else name, justify="right" if right else "left", overflow="fold",
                no_wrap=not folds, min_width=(TIGHT if tight else FOLDED) if marked else None,
                footer=_rich_cell(self.footer[place]) if self.footer else "",
            )  # fmt: skip
        for row in self.rows:
            made.add_row(*[_rich_cell(row[place]) for place in shown])
        yield made

    def _least_width(self, shown: Sequence[int], level: int) -> int:
        """What the columns need when those fold that may: the marked ones; where it is crowded (1) all but the first, the numbers
        and what is to be copied; where it is tight (2) the first, too."""
        headers = self.headers()
        rows = [*self.rows, self.footer] if self.footer else self.rows
        widths: list[int] = []
        for place in shown:
            name, right = headers[place]
            longest = max(
                len(line) for text in (name, *(text_of(row[place]) for row in rows)) for line in (text.splitlines() or [""])
            )
            kept = right or "!" in self.columns[place][:2] or (level < 2 and place == shown[0])
            folds = "~" in self.columns[place][:2] or (level > 0 and not kept)
            widths.append(min(longest, FOLDED if level < 2 else TIGHT) if folds else longest)
        return sum(widths) + (3, 2, 1)[level] * len(widths) + 1

    def _one_by_one(self, shown: Sequence[int]) -> RenderResult:
        """Row by row, where a table would break what is to be copied: it stands on lines of its own."""
        headers = self.headers()
        copied = [place for place in shown if "!" in self.columns[place][:2]]
        yield Text(f"\n{self.title}", "bold")
        for row in self.rows:
            texts = {place: text_of(row[place]) for place in shown if text_of(row[place])}
            words = [
                f"{headers[place][0]} {text}" if headers[place][1] else text for place, text in texts.items() if place not in copied
            ]
            yield Text(" · ".join(words))
            for line in (line for place in copied for line in texts.get(place, "").splitlines()):
                yield Text(f"    {line}", no_wrap=True, overflow="ignore")


SEVERITY_TONES: dict[str, Tone] = {"blocking": "bad", "warning": "warn", "info": "quiet"}


@dataclass(frozen=True, slots=True)
class FindingBlock:
    """One finding with its remedy."""

    kind: ClassVar[str] = "finding"
    finding: Finding
    accepted: bool = False

    @property
    def where(self) -> str:
        """`people.emails.primaryEmail`, `people` or nothing."""
        return ".".join(part for part in (self.finding.object, self.finding.field) if part)

    @property
    def tone(self) -> Tone:
        """How much it should stand out."""
        return SEVERITY_TONES[self.finding.severity]

    def __rich__(self) -> RenderableType:
        item = self.finding
        if item.severity == "info":
            line = RichTable.grid()
            line.add_column(width=9)
            line.add_column()
            line.add_row(Text(item.severity, "bold dim"), Text.assemble((f"{item.code}  ", "bold dim"), (item.message, "dim")))
            return line
        head = Text.assemble(
            (f"{item.severity:<9}", STYLES[self.tone]), (item.code, "bold"), f"  {self.where}" if self.where else "",
            f"  ×{item.count:,}" if item.count > 1 else "", ("  accepted", "green") if self.accepted else "",
        )  # fmt: skip
        body = Text(item.message)
        if item.examples:
            stop = "" if item.message.endswith((".", "!", "?")) else "."
            body.append(f"{stop} For example: {', '.join(item.examples[:5])}.", style="dim")
        body.append(f"\n→ {item.remedy}", style="cyan")
        return Group(head, Padding(body, (0, 0, 0, 9), expand=False))


Block = Heading | Note | Table | FindingBlock
