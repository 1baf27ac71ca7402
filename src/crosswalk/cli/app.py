"""`crosswalk`: the command line. Every verb is in `verbs/`; errors become messages, exit codes and JSON here."""

import logging
import os
import signal
import sys
import tempfile
import traceback
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from difflib import get_close_matches
from importlib.metadata import version
from pathlib import Path
from typing import Annotated, Any

import typer
from typer.core import TyperCommand, TyperGroup

from crosswalk.cli.session import PAUSED, Session
from crosswalk.cli.verbs.looking import audit, report, status
from crosswalk.cli.verbs.moving import diff, run, sample
from crosswalk.cli.verbs.planning import apply, plan
from crosswalk.cli.verbs.preparing import approve, init, map_source, scan
from crosswalk.cli.verbs.proving import rollback, verify
from crosswalk.cli.verbs.rehearsing import demo, sandbox
from crosswalk.model.errors import CrosswalkError, UsageError

EVERYWHERE = "-C DIR and --json may stand before or after the verb."
EXIT_CODES = """\
Exit codes: 0 done · 1 internal error · 2 usage · 3 refused by a gate · 4 source or destination unreachable ·
5 done, with findings for a person · 6 not balanced or not proved · 130 paused by Ctrl-C"""


class Paused(CrosswalkError):
    """Ctrl-C: the verb has stopped where it can go on."""

    exit_code = PAUSED


class Verb(TyperCommand):
    """A verb; its help gives no type for options that take no value."""

    def get_params(self, ctx: Any) -> list[Any]:
        """Its options."""
        return _untyped(super().get_params(ctx))


class Root(TyperGroup):
    """The root command. It takes -C and --json from wherever they stand in the call, and Ctrl-C as a pause."""

    def get_params(self, ctx: Any) -> list[Any]:
        """Its options."""
        return _untyped(super().get_params(ctx))

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        """Options for every verb come first, as the parser wants them."""
        return super().parse_args(ctx, hoisted(args))

    def invoke(self, ctx: Any) -> Any:
        """Run the verb. Raises Paused when it is interrupted."""
        try:
            return super().invoke(ctx)
        except KeyboardInterrupt:
            verb = ctx.invoked_subcommand
            remedy = (
                f"Nothing is lost: {ctx.obj.command(verb)} (with the options you gave) continues."
                if verb != "demo"
                else "The demo can be started again."
            )
            raise Paused("Paused", remedy) from None


def _untyped(options: list[Any]) -> list[Any]:
    """The library writes <bool> beside every flag, as if it took a value."""
    for option in options:
        if getattr(option, "is_flag", False):
            option.metavar = ""
    return options


def hoisted(arguments: Sequence[str]) -> list[str]:
    """The arguments with -C and --json moved to the front; nothing behind `--` is touched.

    >>> hoisted(["scan", "--json", "-C", "clinic"])
    ['--json', '-C', 'clinic', 'scan']
    >>> hoisted(["approve", "--by", "Ann", "map", "-Cclinic", "--", "--json"])
    ['-Cclinic', 'approve', '--by', 'Ann', 'map', '--', '--json']
    """
    front: list[str] = []
    rest: list[str] = []
    waiting = iter(arguments)
    for argument in waiting:
        if argument == "--":
            rest += [argument, *waiting]
        elif argument == "-C":
            front += [argument, *[value for value in [next(waiting, None)] if value is not None]]
        elif argument == "--json" or (argument.startswith("-C") and not argument.startswith("--")):
            front.append(argument)
        else:
            rest.append(argument)
    return front + rest


app = typer.Typer(
    cls=Root,
    name="crosswalk",
    rich_markup_mode="markdown",
    add_completion=True,
    pretty_exceptions_enable=False,
    epilog=EXIT_CODES,
)


def _print_version(asked: bool) -> None:
    if asked:
        typer.echo(f"crosswalk {version('crosswalk')}")
        raise typer.Exit


@app.callback()
def root(
    context: typer.Context,
    folder: Annotated[
        Path | None,
        typer.Option("-C", metavar="DIR", help="The migration's folder (default: the current one). Before or after the verb."),
    ] = None,
    as_json: Annotated[
        bool, typer.Option("--json", help="Print one JSON document on stdout, everything else on stderr. Before or after the verb.")
    ] = False,
    _version: Annotated[
        bool, typer.Option("--version", callback=_print_version, is_eager=True, help="Print the version and exit.")
    ] = False,
) -> None:
    """Move a clinic's records into a CRM along a map a named person approved, prove what arrived, and take it back.

    The way through: **init → scan → map → approve map → plan → approve plan → apply → sample → diff → approve sample → run →
    verify**; **rollback** puts the CRM back as it was. Every verb prints the next step. Try it all without any account:
    **crosswalk demo**.
    """
    context.obj = Session(folder, as_json)


VERBS: dict[str, dict[str, Callable[..., int]]] = {
    "Prepare": {"init": init, "scan": scan, "map": map_source, "approve": approve},
    "Plan": {"plan": plan, "apply": apply},
    "Move": {"sample": sample, "diff": diff, "run": run},
    "Prove and undo": {"verify": verify, "rollback": rollback},
    "Look": {"status": status, "audit": audit, "report": report},
    "Rehearse": {"sandbox": sandbox, "demo": demo},
}
for panel, verbs in VERBS.items():
    for name, function in verbs.items():
        app.command(name, cls=Verb, rich_help_panel=panel, epilog=EVERYWHERE)(function)


def main() -> None:
    """One command line; ends the process with its exit code."""
    # It tells of tasks that a second Ctrl-C broke off, with tracebacks, which may hold a patient's values (law 8).
    logging.getLogger("asyncio").disabled = True
    code = call(sys.argv[1:])
    # What was asked for is done and said: Ctrl-C while the process puts itself away would only change its exit code.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    sys.exit(code)


def call(arguments: Sequence[str]) -> int:
    """Run one command line; its exit code. Never raises: an error is shown the way the caller asked for."""
    session = _session_for_errors(arguments)
    try:
        return typer.main.get_command(app).main(list(arguments) or ["--help"], prog_name="crosswalk", standalone_mode=False) or 0
    except CrosswalkError as error:
        return session.fail(error.message, error.remedy, error.exit_code)
    except typer.TyperException as error:
        return session.fail(error.format_message(), _usage_remedy(error), UsageError.exit_code)
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())  # the reader has gone: say nothing at exit, either
        return 1
    except Exception as error:
        written = _keep_traceback(session.root)
        return session.fail(f"Crosswalk itself failed ({type(error).__name__}); the details are in {written}", _REPORT_IT, 1)


_REPORT_IT = (
    "Nothing is lost: call the verb again. If it fails again, report that file; look first whether it holds a patient's values."
)


def _session_for_errors(arguments: Sequence[str]) -> Session:
    """The folder and form the caller wants, known before anything is parsed."""
    front = hoisted(arguments)
    front = front[: front.index("--")] if "--" in front else front
    places = [place for place, argument in enumerate(front) if argument.startswith("-C") and not argument.startswith("--")]
    folder = next(((front[at][2:] or front[at + 1]) for at in places if front[at][2:] or at + 1 < len(front)), None)
    return Session(Path(folder) if folder else None, "--json" in front)


def _usage_remedy(error: typer.TyperException) -> str:
    context = getattr(error, "ctx", None)
    given = getattr(error, "option_name", "")
    meant = get_close_matches(given, ("--json", "-C", "--help"), n=1)
    suggestion = f"Did you mean {meant[0]}? " if meant and meant[0] != given else ""
    return f"{suggestion}See {context.command_path if context else 'crosswalk'} --help."


def _keep_traceback(root: Path) -> Path:
    """Write the current traceback where only this person reads it: the console and logs get no patient's values (law 8)."""
    folder = root / "reports" if (root / "crosswalk.toml").is_file() else Path(tempfile.gettempdir())
    folder.mkdir(mode=0o700, exist_ok=True)
    path = folder / f"error-{datetime.now(UTC):%Y%m%dT%H%M%S%f}.txt"
    path.touch(mode=0o600)
    path.write_text(traceback.format_exc())
    return path
