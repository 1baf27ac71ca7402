"""One migration through the verbs, against the sandbox in a process of its own: gates, proof, a person's edit, undo."""

import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import orjson
import pytest

from crosswalk.cli.app import call
from crosswalk.model.errors import UnreachableError
from crosswalk.runs.rehearsal import sandbox
from crosswalk.runs.workspaces import open_workspace

PATIENTS = """\
UHID,Name of Patient,SEX,Date of Birth,Contact No.,E-mail ID,REGISTERED ON
PDC-000001,Asha Rao,Female,21/03/1984,98450 12345,asha@example.org,14/02/2020 10:00
PDC-000002,Ravi Menon,Male,22/11/1971,98450 12346,,15/02/2020 10:00
PDC-000003,Meena Iyer,F,31/02/1990,98450 12347,,16/02/2020 10:00
PDC-000003,Meena Iyer,F,31/02/1990,98450 12347,,16/02/2020 10:00
PDC-000004,Too,Many,Cells,In,This,Row,Here
"""


@pytest.fixture
def service() -> Iterator[dict[str, str]]:
    """A sandbox Twenty without limits; its key is in the environment meanwhile."""
    with sandbox("twenty", limits=False) as details:
        yield details


class Clinic:
    """A migration's folder, and the command line called in it with --json."""

    def __init__(self, folder: Path, service: dict[str, str], capfd: pytest.CaptureFixture[str]) -> None:
        export = folder / "export"
        export.mkdir()
        (export / "Patient Master.csv").write_text(PATIENTS, "utf-8")
        self.folder, self.service, self._capfd = folder / "clinic", service, capfd
        places = ["--source", "pulse", "--from", str(export), "--to", "twenty", "--url", service["url"]]
        conventions = ["--country", "IN", "--timezone", "Asia/Kolkata", "--currency", "INR"]
        self.expect(0, "init", str(self.folder), *places, *conventions, "--fallback-owner", "frontdesk@clinic.test")

    def expect(self, code: int, *arguments: str) -> dict[str, Any]:
        """The verb's document; its exit code must be this one."""
        self._capfd.readouterr()
        folder = () if arguments[0] == "init" else ("-C", str(self.folder))
        found = call([*folder, "--json", *arguments])
        printed = self._capfd.readouterr()
        assert found == code, f"{arguments}: exit {found}, {printed.out[:2000]} {printed.err[-2000:]}"
        return orjson.loads(printed.out)

    def ask(self, path: str, body: dict[str, Any] | None = None) -> Any:
        """Call the CRM's own API, as somebody else would."""
        data = orjson.dumps(body) if body is not None else None
        headers = {"Authorization": f"Bearer {self.service['api_key']}", "Content-Type": "application/json"}
        request = urllib.request.Request(self.service["url"] + path, data, headers)
        with urllib.request.urlopen(request) as answer:
            return orjson.loads(answer.read())

    def writes(self) -> int:
        """How many requests the CRM has seen that created, changed or deleted records or schema."""
        entries = self.ask("/__control__/ledger")["entries"]
        return sum(item["method"] != "GET" and "/rest/" in item["path"] for item in entries)


@pytest.fixture
def clinic(tmp_path: Path, service: dict[str, str], capfd: pytest.CaptureFixture[str]) -> Clinic:
    """A migration of four patients' rows."""
    return Clinic(tmp_path, service, capfd)


def planned(clinic: Clinic) -> None:
    """Everything up to the approved plan."""
    clinic.expect(0, "scan")
    clinic.expect(0, "map")
    clinic.expect(0, "approve", "--by", "Ann", "map")
    document = clinic.expect(5, "plan")
    assert document["blocking"] == ["workflow_active"]
    clinic.expect(0, "approve", "--by", "Ann", "plan")


def test_a_migration_from_scan_to_rollback(clinic: Clinic) -> None:
    """Two patients arrive, a third with a finding; the damaged row is quarantined; everything balances and goes again."""
    planned(clinic)
    clinic.expect(3, "apply")
    assert clinic.writes() == 0
    clinic.expect(0, "apply", "--accept", "workflow_active", "--by", "Ann")
    assert clinic.writes() > 0
    assert clinic.expect(0, "sample", "--size", "2")["sample"]["size"] == 2
    assert clinic.expect(0, "diff")["clean"]
    assert {"diff.html", "diff.xlsx"} <= {path.name for path in (clinic.folder / "reports").iterdir()}
    clinic.expect(3, "run")
    clinic.expect(0, "approve", "--by", "Ann", "sample")
    clinic.expect(0, "run")
    proof = clinic.expect(5, "verify")
    (patients,) = proof["ledger"]
    assert proof["balanced"]
    assert patients["states"] == {"loaded": 2, "loaded_with_findings": 1, "folded": 1, "quarantined": 1}
    again = clinic.expect(0, "run")["load"]
    assert sum(record["created"] + record["updated"] for record in again["records"]) == 0
    history = clinic.expect(0, "audit", "--source-id", "PDC-000001")
    assert [entry["operation"] for entry in history["entries"]] == ["create"]
    undone = clinic.expect(0, "rollback")
    assert undone["proved"]
    assert undone["complete"]
    assert "rolled back since the plan" in clinic.expect(3, "apply")["error"]["message"]
    report = clinic.folder / "reports" / "report.html"
    clinic.expect(0, "report")
    for value in ("Asha", "Menon", "98450", "asha@"):
        assert value not in report.read_text()


def test_a_persons_edit_survives_rollback_and_is_listed(clinic: Clinic) -> None:
    """What somebody changed in the CRM since is kept, with its reason; exit 5 says that there is something to look at."""
    planned(clinic)
    clinic.expect(0, "apply", "--accept", "workflow_active", "--by", "Ann")
    clinic.expect(0, "run", "--without-sample", "--by", "Ann")
    entry = clinic.expect(0, "audit", "--source-id", "PDC-000002")["entries"][0]
    edit = {"object": "people", "id": entry["destination_id"], "values": {"jobTitle": "Teacher"}, "member": "mehta@clinic.test"}
    clinic.ask("/__control__/edit", edit)
    assert clinic.expect(5, "rollback", "--preview")["preview"]["kept_total"] == 1
    undone = clinic.expect(5, "rollback")
    assert [(row["key"], row["reason"]) for row in undone["kept"]] == [("PDC-000002", "edited")]
    assert clinic.ask(f"/rest/people/{entry['destination_id']}")["data"]["person"]["jobTitle"] == "Teacher"


def test_an_edited_map_writes_nothing(clinic: Clinic) -> None:
    """After approval a letter changed in mapping.yaml closes every gate; the CRM has seen no write."""
    planned(clinic)
    before = clinic.writes()
    path = clinic.folder / "mapping.yaml"
    path.write_text(path.read_text().replace("title: Patients", "title: Persons"))
    for verb in (["plan"], ["apply"], ["sample"], ["run"], ["run", "--without-sample", "--by", "Ann"]):
        clinic.expect(3, *verb)
    assert clinic.writes() == before == 0


def test_a_crm_that_does_not_answer_is_exit_code_4(clinic: Clinic) -> None:
    """Unreachable: nothing was changed, and the error says so."""
    clinic.expect(0, "scan")
    clinic.expect(0, "map")
    clinic.expect(0, "approve", "--by", "Ann", "map")
    settings = clinic.folder / "crosswalk.toml"
    settings.write_text(settings.read_text().replace(clinic.service["url"], "http://127.0.0.1:9"))
    assert clinic.expect(4, "plan")["error"]["remedy"]


def test_status_ticks_only_what_still_holds(clinic: Clinic) -> None:
    """A map changed after its approval takes the plan's and its approval's ticks away, and says what comes next."""

    def ticked() -> list[str]:
        return [step["verb"] for step in clinic.expect(0, "status")["steps"] if step["done"]]

    planned(clinic)
    assert ticked() == ["scan", "map", "approve map", "plan", "approve plan"]
    mapping = clinic.folder / "mapping.yaml"
    mapping.write_text(mapping.read_text("utf-8").replace("country: IN", "country: GB"), "utf-8")
    assert ticked() == ["scan", "map"]
    clinic.expect(0, "approve", "--by", "Ann", "map")
    clinic.expect(5, "plan")
    assert ticked() == ["scan", "map", "approve map", "plan"]


def applied(clinic: Clinic) -> None:
    """Everything up to the schema."""
    planned(clinic)
    clinic.expect(0, "apply", "--accept", "workflow_active", "--by", "Ann")


def next_of(clinic: Clinic) -> str | None:
    """What `status` says comes next, without the folder."""
    step = clinic.expect(0, "status")["next"]
    return step and step.replace(f"-C {clinic.folder} ", "").removeprefix("crosswalk ")


def test_status_tells_what_the_journal_knows(clinic: Clinic) -> None:
    """A sample is no run, an approved sample leads to it, and a rollback leaves nothing but the map."""

    def ticked() -> set[str]:
        return {step["verb"] for step in clinic.expect(0, "status")["steps"] if step["done"]}

    applied(clinic)
    assert next_of(clinic) == "sample"
    clinic.expect(0, "sample", "--size", "2")
    assert {"sample", "run"} & ticked() == {"sample"}
    assert clinic.expect(6, "verify")["next"].endswith(" diff")
    clinic.expect(0, "diff")
    clinic.expect(0, "approve", "--by", "Ann", "sample")
    assert next_of(clinic) == "run"
    clinic.expect(0, "run", "--only", "people")
    assert next_of(clinic) == "run"
    clinic.expect(0, "run")
    assert next_of(clinic) == "verify"
    clinic.expect(5, "verify")
    assert next_of(clinic) is None
    clinic.expect(0, "rollback")
    assert ticked() == {"scan", "map", "approve map"}
    assert next_of(clinic) == "plan"


def test_status_after_a_run_without_a_sample(clinic: Clinic) -> None:
    """No sample is asked for any more; a row that is gone unbalances the proof, and `status` says so."""
    applied(clinic)
    clinic.expect(0, "run", "--without-sample", "--by", "Ann")
    assert next_of(clinic) == "verify"
    clinic.expect(5, "verify")
    assert next_of(clinic) is None
    entry = clinic.expect(0, "audit", "--source-id", "PDC-000002")["entries"][0]
    clinic.ask("/__control__/soft-delete", {"object": "people", "id": entry["destination_id"]})
    assert "rollback --preview" in clinic.expect(6, "verify")["next"]
    steps = {step["verb"]: (step["done"], step["detail"]) for step in clinic.expect(0, "status")["steps"]}
    assert steps["verify"] == (False, "not balanced")
    assert steps["sample"] == (False, "Ann went without one")


@pytest.mark.parametrize(
    ("stop", "code", "state"), [(KeyboardInterrupt(), 130, "paused"), (UnreachableError("silent", "wait"), 4, "failed")]
)
def test_a_stopped_run_says_so_and_comes_next(
    clinic: Clinic, monkeypatch: pytest.MonkeyPatch, stop: BaseException, code: int, state: str
) -> None:
    """A run, a schema plan and a rollback that were stopped are neither done nor for ever `running`; each is called again."""

    def states() -> list[str]:
        return [run["state"] for run in clinic.expect(0, "status")["runs"]]

    async def stopped(*_: object, **__: object) -> None:
        raise stop

    planned(clinic)
    without = ("run", "--without-sample", "--by", "Ann")
    for stage, verb, after in (
        ("planning.apply_schema", ("apply", "--accept", "workflow_active", "--by", "Ann"), "apply"),
        ("loading.load", without, "run --without-sample --by Ann"),
        ("undoing.roll_back", ("rollback",), "rollback"),
    ):
        with monkeypatch.context() as patch:
            patch.setattr(f"crosswalk.runs.{stage}", stopped)
            clinic.expect(code, *verb)
        assert (states()[-1], next_of(clinic)) == (state, after)
        clinic.expect(0, *verb)
        assert states()[-2:] == [state, "done"]


def test_a_killed_run_is_interrupted_once_it_is_settled(clinic: Clinic) -> None:
    """A run whose process is gone is noted by the next verb that settles."""
    applied(clinic)
    with open_workspace(clinic.folder).journal() as journal:
        journal.start_run("full", "m", {})
    assert clinic.expect(0, "status")["runs"][-1]["state"] == "running"
    clinic.expect(0, "run", "--without-sample", "--by", "Ann")
    assert [run["state"] for run in clinic.expect(0, "status")["runs"]] == ["done", "interrupted", "done"]
    assert clinic.expect(0, "audit", "--limit", "1")["chain"]["ok"]


def test_printed_next_steps_run(clinic: Clinic) -> None:
    """What a verb or a remedy prints can be called as it stands: after a scan anew, a refused run, a run of one object."""
    assert clinic.expect(0, "scan")["next"].endswith(" map")
    clinic.expect(0, "map")
    assert clinic.expect(0, "scan")["next"].endswith(' approve --by "Your Name" map')
    clinic.expect(0, "approve", "--by", "Ann", "map")
    assert clinic.expect(0, "scan")["next"].endswith(" plan")
    mapping = clinic.folder / "mapping.yaml"
    mapping.write_text(mapping.read_text("utf-8") + "\n  nonsense", "utf-8")
    assert clinic.expect(0, "scan")["next"].endswith(' approve --by "Your Name" map')
    mapping.write_text(mapping.read_text("utf-8").removesuffix("\n  nonsense"), "utf-8")
    clinic.expect(5, "plan")
    clinic.expect(0, "approve", "--by", "Ann", "plan")
    clinic.expect(0, "apply", "--accept", "workflow_active", "--by", "Ann")
    remedy = clinic.expect(3, "run")["error"]["remedy"]
    assert f'crosswalk -C {clinic.folder} approve --by "Your Name" sample' in remedy
    assert f'crosswalk -C {clinic.folder} run --without-sample --by "Your Name"' in remedy
    assert clinic.expect(0, "run", "--without-sample", "--by", "Ann", "--only", "people")["next"].endswith(" sample")


def test_rollback_of_nothing_says_so(clinic: Clinic, capfd: pytest.CaptureFixture[str]) -> None:
    """Before any record or change there is nothing to undo; a run that loaded nothing is refused, with those that did."""
    planned(clinic)
    preview = clinic.expect(0, "rollback", "--preview")
    assert preview["next"] is None and preview["preview"]["counts"] == []
    assert call(["-C", str(clinic.folder), "rollback"]) == 0
    assert "There was nothing to undo" in capfd.readouterr().out
    clinic.expect(0, "apply", "--accept", "workflow_active", "--by", "Ann")
    clinic.expect(0, "run", "--without-sample", "--by", "Ann")
    for number in ("99", "2"):
        error = clinic.expect(2, "rollback", "--run", number, *(["--preview"] if number == "2" else []))["error"]
        assert "3 (full)" in error["remedy"]
    assert clinic.expect(0, "rollback", "--preview", "--run", "3", "--force")["next"].endswith("rollback --run 3 --force")
