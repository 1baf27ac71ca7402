"""One demo clinic as text files and one as a workbook, made once for all tests of this room."""

from pathlib import Path

import pytest
from clinic_reading import Folder

from crosswalk_sandbox.services.pulse.clinic.generate import generate


@pytest.fixture(scope="session")
def clinic(tmp_path_factory: pytest.TempPathFactory) -> Folder:
    """The default clinic: 200 patients, seed 7, text files."""
    return _made(tmp_path_factory.mktemp("csv") / "export", "csv")


@pytest.fixture(scope="session")
def workbook(tmp_path_factory: pytest.TempPathFactory) -> Folder:
    """The same clinic as a workbook."""
    return _made(tmp_path_factory.mktemp("xlsx") / "export", "xlsx")


def _made(path: Path, form: str) -> Folder:
    generate(path, form="xlsx" if form == "xlsx" else "csv")
    return Folder(path)
