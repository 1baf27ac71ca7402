"""init, scan, map and approve on a small export."""

from pathlib import Path

from conftest import Caller, begun


def test_init_writes_what_it_was_told_and_no_secret(crosswalk: Caller, workspace: Path) -> None:
    """crosswalk.toml holds the settings; a second init of the folder is refused."""
    text = (workspace / "crosswalk.toml").read_text()
    assert 'country = "IN"' in text
    assert crosswalk("init", workspace, "--source", "pulse", "--from", ".", "--to", "twenty", "--url", "http://x").code == 2


def test_scan_counts_every_row_and_shows_no_value(crosswalk: Caller, workspace: Path) -> None:
    """Four rows: two staged, one folded, one quarantined; names and numbers of patients are not printed."""
    crosswalk("-C", workspace, "--json", "scan")
    (patients,) = crosswalk.json()["objects"]  # pyright: ignore[reportGeneralTypeIssues, reportUnknownVariableType]
    counts = {name: patients[name] for name in ("rows", "staged", "folded", "quarantined")}  # pyright: ignore[reportUnknownVariableType]
    assert counts == {"rows": 4, "staged": 2, "folded": 1, "quarantined": 1}
    printed = crosswalk.out + crosswalk("-C", workspace, "scan").out + (workspace / "reports" / "scan.html").read_text()
    for value in ("Asha", "Menon", "98450", "ravi@"):
        assert value not in printed


def test_an_edited_map_is_not_approved_any_more(crosswalk: Caller, workspace: Path) -> None:
    """B4: the approval holds for exactly the map that was approved."""
    for arguments in (["scan"], ["map"], ["approve", "--by", "Ann", "map"]):
        assert crosswalk("-C", workspace, *arguments).code == 0
    path = workspace / "mapping.yaml"
    path.write_text(path.read_text().replace("title: Patients", "title: Persons"))
    assert crosswalk("-C", workspace, "plan").code == 3
    assert "changed since it was approved" in " ".join(crosswalk.err.split())


def test_map_keeps_a_persons_work_unless_told_otherwise(crosswalk: Caller, workspace: Path) -> None:
    """An existing mapping.yaml is overwritten only with --again."""
    crosswalk("-C", workspace, "scan")
    assert crosswalk("-C", workspace, "map").code == 0
    assert crosswalk("-C", workspace, "map").code == 3
    assert crosswalk("-C", workspace, "map", "--again").code == 0


def test_an_unreadable_source_is_exit_code_4(crosswalk: Caller, tmp_path: Path) -> None:
    """Source unreachable: nothing was changed."""
    folder = begun(crosswalk, tmp_path / "other", tmp_path / "missing")
    assert crosswalk("-C", folder, "scan").code == 4
