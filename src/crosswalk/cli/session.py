"""What every verb of the command line has in hand: the folder, the two streams, and how an answer is given."""

import os
import re
import shlex
from collections.abc import Generator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import orjson
import typer
from rich.console import Console, RenderableType
from rich.text import Text

from crosswalk.cli.progress import ConsoleEvents

if TYPE_CHECKING:
    from crosswalk.runs.workspaces import Workspace

DONE = 0
FINDINGS = 5
"""Done, and a person has something to look at."""
UNPROVED = 6
PAUSED = 130
UNLIMITED = 1000
"""Columns where nobody's terminal ends the line."""
_STEP = re.compile(r"\bcrosswalk (scan|map|approve|plan|apply|sample|diff|run|verify|rollback|status|audit|report)\b")


def console(*, stderr: bool) -> Console:
    """A console that takes text literally: names with brackets are no markup. Honours NO_COLOR and the terminal's width; where no
    terminal is (a pipe, a file), lines are as long as they are."""
    made = Console(stderr=stderr, highlight=False, markup=False, emoji=False)
    if not made.is_terminal and "COLUMNS" not in os.environ:
        made.width = UNLIMITED
    return made


@dataclass(frozen=True, slots=True)
class Answer:
    """What a verb has to say: `document` for --json, `shown` for people, then the next step.

    `next_step` is a verb with its options, without `crosswalk` and without -C; `why` says what it does.
    """

    verb: str
    document: dict[str, Any]
    shown: Sequence[RenderableType] = ()
    next_step: str | None = None
    why: str = ""
    exit_code: int = DONE


@dataclass(slots=True)
class Session:
    """One call of the command line."""

    folder: Path | None = None
    json: bool = False
    out: Console = field(default_factory=lambda: console(stderr=False))
    err: Console = field(default_factory=lambda: console(stderr=True))

    @property
    def root(self) -> Path:
        """The folder -C names, else the current one."""
        return self.folder or Path()

    def workspace(self) -> "Workspace":
        """The workspace in the folder. Raises UsageError when there is none."""
        # The engine takes seconds to import: only verbs that work pay for it, --help does not.
        from crosswalk.runs.workspaces import open_workspace

        return open_workspace(self.root)

    @contextmanager
    def events(self) -> Generator[ConsoleEvents]:
        """A listener that shows steps and progress on stderr."""
        with ConsoleEvents(self.err) as events:
            yield events

    def command(self, step: str) -> str:
        """A step as it can be typed: `crosswalk -C DIR map`."""
        at = f"-C {shlex.quote(str(self.folder))} " if self.folder else ""
        return f"crosswalk {at}{step}"

    def typed(self, text: str) -> str:
        """The text with every verb it names as it can be typed here; `init` makes a folder of its own."""
        return _STEP.sub(lambda found: self.command(found[1]), text)

    def show(self, *items: RenderableType) -> None:
        """Print something for people as soon as it is known; nothing with --json."""
        if not self.json:
            self.out.print(*items, sep="\n", crop=False)

    def answer(self, answer: Answer) -> int:
        """Print the answer, as one JSON document or for people; its exit code."""
        step = self.command(answer.next_step) if answer.next_step else None
        if self.json:
            head = {"verb": answer.verb, "exit_code": answer.exit_code, "next": step}
            self.document(head | answer.document)
            return answer.exit_code
        for item in answer.shown:
            self.out.print(item, crop=False)
        if step:
            line = Text.assemble(("Next: ", "bold"), (step, "bold cyan"), f"   {answer.why}" if answer.why else "")
            self.out.print()
            self.out.print(line, soft_wrap=True)  # as one line, so that it can be copied
        return answer.exit_code

    def document(self, document: dict[str, Any]) -> None:
        """Print one JSON document on stdout: the only thing --json ever prints there."""
        option = orjson.OPT_INDENT_2 if os.isatty(1) else 0
        typer.echo(orjson.dumps(document, option=option | orjson.OPT_NON_STR_KEYS, default=str).decode())

    def fail(self, message: str, remedy: str, exit_code: int) -> int:
        """Say what went wrong and what to do, as JSON on stdout or as text on stderr."""
        remedy = self.typed(remedy)
        if self.json:
            self.document({"error": {"message": message, "remedy": remedy, "exit_code": exit_code}})
        else:
            head = ("", "") if exit_code == PAUSED else ("Error: ", "bold red")
            self.err.print(Text.assemble(head, message), soft_wrap=True)
            if remedy:
                self.err.print(Text.assemble(("What to do: ", "bold"), remedy), soft_wrap=True)
        return exit_code


def session_of(context: typer.Context) -> Session:
    """The session the root command made."""
    session = context.find_root().obj
    if not isinstance(session, Session):
        raise TypeError("the root command has not made a session")
    return session
