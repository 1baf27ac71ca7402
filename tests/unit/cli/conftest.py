"""A small export and a workspace made from it, through the command line itself."""

from pathlib import Path

import orjson
import pytest

from crosswalk.cli.app import call

PATIENTS = """\
UHID,Name of Patient,SEX,Date of Birth,Contact No.,E-mail ID,REGISTERED ON
PDC-000001,Asha Rao,Female,21/03/1984,98450 12345,asha@example.org,14/02/2020 10:00
PDC-000002,Ravi Menon,Male,02/11/1971,98450 12346,ravi@example.org,15/02/2020 10:00
PDC-000002,Ravi Menon,Male,02/11/1971,98450 12346,ravi@example.org,15/02/2020 10:00
PDC-000003,Too,Many,Cells,In,This,Row,Here
"""


class Caller:
    """Calls the command line in this process; what it printed is read with `capfd`."""

    def __init__(self, capfd: pytest.CaptureFixture[str]) -> None:
        self._capfd = capfd
        self.code = 0
        self.out = ""
        self.err = ""

    def __call__(self, *arguments: str | Path) -> "Caller":
        self.code = call([str(argument) for argument in arguments])
        self.out, self.err = self._capfd.readouterr()
        return self

    def json(self) -> dict[str, object]:
        """The one document on stdout."""
        return orjson.loads(self.out)


@pytest.fixture
def crosswalk(capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Caller:
    """The command line, without a terminal."""
    monkeypatch.setenv("COLUMNS", "100")
    monkeypatch.delenv("CROSSWALK_TWENTY_API_KEY", raising=False)
    return Caller(capfd)


@pytest.fixture
def export(tmp_path: Path) -> Path:
    """An export of one file: two patients, one of them twice, and a damaged row."""
    folder = tmp_path / "export"
    folder.mkdir()
    (folder / "Patient Master.csv").write_text(PATIENTS, "utf-8")
    return folder


def begun(crosswalk: Caller, folder: Path, export: Path) -> Path:
    """`crosswalk init` of that export into that folder."""
    arguments = ("--source", "pulse", "--from", export, "--to", "twenty", "--url", "http://127.0.0.1:9", "--country", "IN")
    assert crosswalk("init", folder, *arguments, "--timezone", "Asia/Kolkata", "--currency", "INR").code == 0
    return folder


@pytest.fixture
def workspace(crosswalk: Caller, tmp_path: Path, export: Path) -> Path:
    """A migration that has begun."""
    return begun(crosswalk, tmp_path / "clinic", export)
