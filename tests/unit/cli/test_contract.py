"""The command line's contract (DESIGN.md): option placement, exit codes, one JSON document, errors that say what to do."""

import subprocess
import sys
from importlib.metadata import version
from pathlib import Path

import pytest
from typer.main import get_command

from conftest import Caller
from crosswalk.cli.app import VERBS, app, call, hoisted

ALL = [name for verbs in VERBS.values() for name in verbs]


@pytest.mark.parametrize("verb", ["init", "scan", "map", "approve", "plan", "apply", "sample", "diff", "run", "verify", "rollback",
                                  "status", "audit", "report", "sandbox", "demo"])  # fmt: skip
def test_every_verb_of_the_contract_is_there(verb: str) -> None:
    """DESIGN.md lists the verbs; delta, purge and serve come with later issues and are not stubbed."""
    assert verb in ALL


@pytest.mark.parametrize("verb", ALL)
def test_help_teaches(crosswalk: Caller, verb: str) -> None:
    """Each verb's help says what it needs and changes, gives an example, and its exit codes."""
    assert crosswalk(verb, "--help").code == 0
    assert "<bool>" not in crosswalk.out
    for word in ("Needs", "Changes", "Example", "Exits", f"crosswalk {verb}"):
        assert word in crosswalk.out.replace(" -C clinic", ""), f"{verb} --help does not say: {word}"


def test_without_arguments_it_shows_the_way_through(crosswalk: Caller) -> None:
    """Nobody has to know the order of the verbs."""
    assert crosswalk().code == 0
    assert "init → scan → map" in crosswalk.out


@pytest.mark.parametrize(
    "arguments",
    [
        ["-C", "{}", "--json", "scan"], ["scan", "-C", "{}", "--json"], ["--json", "scan", "-C", "{}"], ["scan", "--json", "-C{}"],
    ],
)  # fmt: skip
def test_folder_and_json_stand_before_or_after_the_verb(crosswalk: Caller, workspace: Path, arguments: list[str]) -> None:
    """-C and --json are taken in any order and place."""
    assert crosswalk(*[argument.format(workspace) for argument in arguments]).code == 0
    assert crosswalk.json()["verb"] == "scan"


def test_nothing_behind_two_dashes_is_an_option() -> None:
    """The usual way to pass arguments that look like options."""
    assert hoisted(["audit", "--", "--json", "-C"]) == ["audit", "--", "--json", "-C"]


@pytest.mark.parametrize(
    ("arguments", "code", "says"),
    [
        (["scann"], 2, "scan"),
        (["approve", "--bye", "Ann", "map"], 2, "--by"),
        (["scan", "--jsn"], 2, "--json"),
        (["approve", "--by", "Ann", "mapp"], 2, "map"),
        (["approve", "map"], 2, "--by"),
        (["scan", "-C", "/nowhere"], 2, "crosswalk init"),
        (["init", "x", "--source", "nothing", "--from", ".", "--to", "twenty", "--url", "http://x"], 2, "pulse"),
    ],
)  # fmt: skip
@pytest.mark.parametrize("as_json", [False, True])
def test_usage_errors_say_what_is_right(crosswalk: Caller, arguments: list[str], code: int, says: str, as_json: bool) -> None:
    """A misspelt verb, option or value suggests the right one; with --json the error is the one document on stdout."""
    assert crosswalk(*arguments, *(["--json"] if as_json else [])).code == code
    if as_json:
        error = crosswalk.json()["error"]
        assert isinstance(error, dict)
        assert sorted(error) == ["exit_code", "message", "remedy"]  # pyright: ignore[reportUnknownArgumentType]
        assert error["exit_code"] == code
    else:
        assert crosswalk.out == ""
    assert says in " ".join((crosswalk.out + crosswalk.err).split())


@pytest.mark.parametrize(
    "verb", [["map"], ["plan"], ["apply"], ["sample"], ["diff"], ["run"], ["verify"], ["approve", "--by", "Ann", "plan"]]
)
def test_gates_refuse_with_exit_code_3_and_name_the_step_that_is_missing(
    crosswalk: Caller, workspace: Path, verb: list[str]
) -> None:
    """In a migration that has only begun, every later verb is refused by its gate, without a connection."""
    assert crosswalk("-C", workspace, "--json", *verb).code == 3
    error = crosswalk.json()["error"]
    assert isinstance(error, dict)
    assert "crosswalk" in error["remedy"]


def test_json_is_one_document_and_progress_goes_to_stderr(crosswalk: Caller, workspace: Path) -> None:
    """A script reads stdout and nothing else."""
    crosswalk("-C", workspace, "--json", "scan")
    document = crosswalk.json()
    assert document["exit_code"] == 0
    assert document["next"] == f"crosswalk -C {workspace} map"
    assert crosswalk.err


def test_unexpected_errors_show_no_value_and_leave_the_details_in_the_workspace(
    crosswalk: Caller, workspace: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Law 8: an error of ours may carry a patient's value, so only its place is printed."""

    def fails(*_: object) -> None:
        raise ValueError("Asha Rao")

    monkeypatch.setattr("crosswalk.runs.scanning.scan", fails)
    assert crosswalk("-C", workspace, "scan").code == 1
    assert "Asha" not in crosswalk.out + crosswalk.err
    written = list((workspace / "reports").glob("error-*.txt"))
    assert len(written) == 1
    assert "Asha Rao" in written[0].read_text()
    assert written[0].stat().st_mode & 0o077 == 0


def test_ctrl_c_pauses(crosswalk: Caller, workspace: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Ctrl-C exits with 130 and says how to go on."""

    def interrupted(*_: object, **__: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("crosswalk.runs.loading.run_all", interrupted)
    assert crosswalk("-C", workspace, "--json", "run").code == 130
    error = crosswalk.json()["error"]
    assert isinstance(error, dict)
    assert f"crosswalk -C {workspace} run" in error["remedy"]


def test_an_option_without_its_value_is_not_suggested_for_itself(crosswalk: Caller) -> None:
    """`-C` at the end of the line: what is missing is the folder."""
    assert crosswalk("status", "-C").code == 2
    assert "Did you mean" not in crosswalk.err


def test_a_paused_sample_is_called_again(crosswalk: Caller, workspace: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The run after it would be refused: its sample is not approved."""

    def interrupted(*_: object, **__: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("crosswalk.runs.loading.load_sample", interrupted)
    assert crosswalk("-C", workspace, "sample").code == 130
    assert f"crosswalk -C {workspace} sample" in " ".join(crosswalk.err.split())


BROKEN_OFF = """\
import asyncio, gc
from crosswalk.cli import app

async def fails():
    raise ValueError("Asha Rao")

async def work():
    asyncio.ensure_future(fails())
    await asyncio.sleep(0.01)

def call(_):
    asyncio.run(work())
    gc.collect()
    return 5

app.call = call
app.main()
"""


def test_work_that_was_broken_off_prints_no_traceback() -> None:
    """Ctrl-C twice, say: nobody asks what became of the requests on their way, and their errors may hold a patient's value."""
    done = subprocess.run([sys.executable, "-c", BROKEN_OFF], capture_output=True, text=True)
    assert (done.returncode, done.stdout, done.stderr) == (5, "", "")


def test_names_with_brackets_are_shown_as_they_are(crosswalk: Caller, tmp_path: Path, export: Path) -> None:
    """File and field names are no markup."""
    folder = tmp_path / "a [bold] folder"
    crosswalk("init", folder, "--source", "pulse", "--from", export, "--to", "twenty", "--url", "http://127.0.0.1:9")
    assert "[bold]" in crosswalk.out


def test_the_root_command_is_the_installed_script() -> None:
    """`crosswalk` in pyproject.toml is this app."""
    assert get_command(app).name == "crosswalk"
    assert call(["--help"]) == 0


def test_the_version_is_told(crosswalk: Caller) -> None:
    """What a person writes into a report of an error."""
    assert crosswalk("--version").code == 0
    assert crosswalk.out.split() == ["crosswalk", version("crosswalk")]
