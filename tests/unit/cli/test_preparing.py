"""init, scan, map and approve on a small export."""

from pathlib import Path

import pytest

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


ORG = "https://yourorg.crm.dynamics.com"


@pytest.mark.parametrize(
    ("to", "url", "options", "says"),
    [
        (
            "dynamics",
            "yourorg.crm.dynamics.com",
            [],
            f"--url: “yourorg.crm.dynamics.com” is not the address of an organisation. {ORG}",
        ),
        ("dynamics", "http://yourorg.crm.dynamics.com", [], f"--url: {ORG}"),
        ("dynamics", "https://host:port", [], "--url:"),
        ("twenty", "crm.example.org", [], "--url: https://crm.example.org"),
        ("twenty", "file:///etc/passwd", [], "--url:"),
        ("dynamics", ORG, ["--fallback-owner", "frontdesk"], "--fallback-owner: not an e-mail address"),
        ("dynamics", ORG, ["--country", "India"], "--country: two capital letters IN"),
        ("dynamics", ORG, ["--currency", "Rupees"], "--currency: three capital letters INR"),
        ("dynamics", ORG, ["--timezone", "Delhi"], "--timezone: not a time zone"),
        ("dynamics", "https://ann:secret@yourorg.crm.dynamics.com", [], "--url: must not hold a user name or password"),
    ],
)
def test_init_refuses_a_wrong_setting_by_its_option(
    crosswalk: Caller, tmp_path: Path, to: str, url: str, options: list[str], says: str
) -> None:
    """Not three verbs later, in words, and without the value where it may be a secret."""
    folder = tmp_path / "clinic"
    assert crosswalk("init", folder, "--source", "pulse", "--from", ".", "--to", to, "--url", url, *options).code == 2
    assert not folder.exists()
    said = " ".join(crosswalk.err.split())
    assert all(word in said for word in says.split()), said
    assert "Value error" not in said and "pattern" not in said and "secret" not in said


def test_a_sandbox_without_tls_may_be_rehearsed_against(crosswalk: Caller, tmp_path: Path) -> None:
    """Twenty's sandbox, and many a server of one's own, answers on plain http."""
    arguments = ("--source", "pulse", "--from", ".", "--to", "twenty", "--url", "http://127.0.0.1:3000")
    assert crosswalk("init", tmp_path / "clinic", *arguments).code == 0


def test_crosswalk_toml_is_refused_by_its_key(crosswalk: Caller, workspace: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whoever edits the file reads which key is wrong."""
    for arguments in (["scan"], ["map"], ["approve", "--by", "Ann", "map"]):
        crosswalk("-C", workspace, *arguments)
    monkeypatch.setenv("CROSSWALK_TWENTY_API_KEY", "key")
    settings = workspace / "crosswalk.toml"
    text = settings.read_text()
    settings.write_text(text.replace("http://127.0.0.1:9", "127.0.0.1:9"))
    assert crosswalk("-C", workspace, "plan").code == 2
    assert "destination_url in crosswalk.toml: “127.0.0.1:9” is not the address" in " ".join(crosswalk.err.split())
    settings.write_text(text.replace('country = "IN"', 'country = "India"'))
    assert crosswalk("-C", workspace, "status").code == 2
    assert "country: a country is given by its two capital letters" in " ".join(crosswalk.err.split())
