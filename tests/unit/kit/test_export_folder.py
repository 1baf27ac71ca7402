"""A1: what in a folder is a table, what is an attached file, and that nothing outside the folder is ever read."""

from pathlib import Path

import pytest

from crosswalk.kit.tables.export import Export
from crosswalk.model.errors import RefusedError, UnreachableError, UsageError

FILES = {
    "patients.csv": "Id,Name\n1,Asha\n",
    "nested/doctors.csv": "Id,Name\n1,Dr Rao\n",
    "empty.csv": "",
    "blank.csv": "\n\n",
    "README.md": "hello",
    ".hidden.csv": "Id\n1\n",
    "broken.xlsx": "no workbook",
    "documents/scan.PDF": "%PDF",
    "documents/results.csv": "a,b\n1,2\n",
    "documents/old/scan.pdf": "%PDF old",
    "documents/old/x-ray.png": "png",
}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    root = tmp_path / "export"
    for name, content in FILES.items():
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text(content)
    (tmp_path / "secret.pdf").write_text("secret")
    (root / "documents" / "link.pdf").symlink_to(tmp_path / "secret.pdf")
    return root


def test_tables_and_the_rest(folder: Path) -> None:
    """Tables of all folders but those of documents; every other file is listed with the reason, unless it leads outside."""
    export = Export(str(folder))
    assert [table.file.path for table in export.tables] == ["nested/doctors.csv", "patients.csv"]
    assert dict(export.ignored) == {
        "empty.csv": "empty file",
        "blank.csv": "holds no rows",
        "README.md": "no table; available as an attached file",
        ".hidden.csv": "hidden or temporary file",
        "broken.xlsx": "cannot be read: damaged, or not a workbook",
        "documents/scan.PDF": "no table; available as an attached file",
        "documents/results.csv": "stands among documents; available as an attached file",
        "documents/old/scan.pdf": "no table; available as an attached file",
        "documents/old/x-ray.png": "no table; available as an attached file",
    }


@pytest.mark.parametrize(
    ("name", "found"),
    [
        ("documents/scan.pdf", "documents/scan.PDF"),
        ("documents\\old\\scan.pdf", "documents/old/scan.pdf"),
        (" x-ray.png ", "documents/old/x-ray.png"),
        ("C:\\scans\\x-ray.png", "documents/old/x-ray.png"),
        ("results.csv", "documents/results.csv"),
        ("scan.pdf", None),
        ("absent.pdf", None),
        ("", None),
        ("../secret.pdf", None),
        ("documents/../../secret.pdf", None),
        ("secret.pdf", None),
        ("link.pdf", None),
        ("/etc/passwd", None),
    ],
)
def test_attachments(folder: Path, name: str, found: str | None) -> None:
    """By path or by a name that only one file has; never outside the export, not even by a link."""
    path = Export(str(folder)).attachment(name)
    assert path == (folder / found if found else None)


def test_a_location_that_is_not_there(tmp_path: Path) -> None:
    """A URL is a usage error, a missing path unreachable."""
    with pytest.raises(UsageError):
        Export("https://pulse.example/api")
    with pytest.raises(UnreachableError):
        Export(str(tmp_path / "nowhere"))


def test_a_file_that_changed_since_it_was_looked_at(folder: Path) -> None:
    """Rows of another content than the schema's digest are refused."""
    table = Export(str(folder)).tables[1]
    (folder / "patients.csv").write_text("Id,Name\n2,Ravi\n")
    with pytest.raises(RefusedError):
        list(Export(str(folder)).read(table.file, table.names))


def test_columns_a_file_lacks_are_absent(folder: Path) -> None:
    """Read under more columns than it has, a table gives null there, not empty text."""
    table = Export(str(folder)).tables[1]
    batch = next(iter(Export(str(folder)).read(table.file, ("Name", "City", "Id"))))
    assert batch.rows.to_pylist() == [{"Name": "Asha", "City": None, "Id": "1", "_file": "patients.csv", "_line": 2}]
