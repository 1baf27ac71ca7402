"""Steps and progress on stderr: live bars on a terminal, a line now and then elsewhere."""

from time import monotonic
from types import TracebackType
from typing import Self

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, SpinnerColumn, TaskID, TextColumn, TimeElapsedColumn
from rich.text import Text

QUIET_SECONDS = 15.0
"""Where nobody watches (a log, a pipe), progress is a line at most this often."""


def duration(seconds: float) -> str:
    """A duration as people say it.

    >>> duration(0.4), duration(42), duration(200), duration(7300)
    ('under a second', '42 s', '3 min 20 s', '2 h 1 min')
    """
    whole = round(seconds)
    if whole < 1:
        return "under a second"
    if whole < 60:
        return f"{whole} s"
    minutes, rest = divmod(whole, 60)
    if minutes < 60:
        return f"{minutes} min {rest} s" if rest else f"{minutes} min"
    return f"{minutes // 60} h {minutes % 60} min"


class ConsoleEvents:
    """The `Events` of a terminal or a log."""

    def __init__(self, console: Console) -> None:
        self._console = console
        self._live = console.is_terminal
        self._said = monotonic()
        self._task: TaskID | None = None
        self._progress = Progress(
            SpinnerColumn(), TextColumn("{task.description}"), BarColumn(bar_width=None), MofNCompleteColumn(),
            TextColumn("{task.fields[left]}"), TimeElapsedColumn(), console=console, transient=True, disable=not self._live,
        )  # fmt: skip

    def __enter__(self) -> Self:
        self._progress.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self._progress.stop()

    def step(self, title: str) -> None:
        """A line per step; the bar of the step before goes."""
        self._drop_bar()
        self._said = monotonic()
        self._console.print(Text.assemble(("• ", "cyan"), title))

    def progress(self, label: str, done: int, total: int | None, seconds_left: float | None) -> None:
        """Move the bar. What is left is said only when a live rate is known: no invented estimate."""
        left = f"about {duration(seconds_left)} left" if seconds_left is not None else ""
        if not self._live:
            self._say_now_and_then(label, done, total, left)
            return
        if self._task is None:
            self._task = self._progress.add_task(label, total=total, left=left)
        self._progress.update(self._task, description=label, completed=done, total=total, left=left)

    def remark(self, text: str) -> None:
        """A line."""
        self._console.print(Text(f"  {text}"))

    def _say_now_and_then(self, label: str, done: int, total: int | None, left: str) -> None:
        if monotonic() - self._said < QUIET_SECONDS:
            return
        self._said = monotonic()
        of = f" of {total:,}" if total else ""
        self._console.print(Text(f"  {label}: {done:,}{of}{', ' + left if left else ''}"))

    def _drop_bar(self) -> None:
        if self._task is not None:
            self._progress.remove_task(self._task)
            self._task = None
