"""dynamics-web-api, a JavaScript client by others, drives the sandbox from Node; the answers it got are judged here."""

import json
import os
import shutil
import subprocess
from pathlib import Path
from typing import Any, Protocol

import pytest

SCRIPT = Path(__file__).with_name("dynamics_web_api.mjs")
PACKAGE = "dynamics-web-api@2.5"
Seen = dict[str, Any]


class Login(Protocol):
    """What the fixture `login` offers."""

    def get_token(self, *scopes: str) -> Any: ...


@pytest.fixture(scope="module")
def seen(sandbox: dict[str, str], login: Login, tmp_path_factory: pytest.TempPathFactory) -> Seen:
    """What the script saw, by step. The package is installed into a folder of its own, by npm, by its name."""
    node, npm = shutil.which("node"), shutil.which("npm")
    if not node or not npm:
        pytest.skip("node and npm are not on this machine: the JavaScript client cannot run")
    modules = tmp_path_factory.mktemp("npm")
    install = [npm, "install", "--no-audit", "--no-fund", "--prefix", str(modules), PACKAGE]
    subprocess.run(install, check=True, capture_output=True, cwd=modules, timeout=300)
    token = login.get_token(f"{sandbox['url']}/.default").token
    run = subprocess.run(
        [node, str(SCRIPT)],
        input=json.dumps({"modules": str(modules), "url": sandbox["url"], "token": token}),
        env={**os.environ, "NODE_EXTRA_CA_CERTS": sandbox["ca"]},
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert run.returncode == 0, run.stderr
    return json.loads(run.stdout)


@pytest.fixture
def answered(seen: Seen, request: pytest.FixtureRequest) -> Any:
    """The answer of the step that the test names by its marker's argument; its error fails the test."""
    step = seen[request.param]
    assert "answered" in step, step
    return step["answered"]


def by(step: str) -> pytest.MarkDecorator:
    """The step whose answer a test judges."""
    return pytest.mark.parametrize("answered", [step], indirect=True)


def error(step: Seen) -> tuple[int, str]:
    """Status and code of a refusal."""
    assert "answered" not in step, step
    return step["status"], step["code"]


@by("whoAmI")
def test_who_am_i(answered: list[str]) -> None:
    """The three ids of the answer."""
    assert answered == ["BusinessUnitId", "OrganizationId", "UserId"]


@by("createAndRead")
def test_rows_are_created_read_and_changed(answered: Seen) -> None:
    """The id from OData-EntityId, or the row itself with return=representation; one property by PUT."""
    assert (answered["idLength"], answered["sameId"], answered["read"]["fullname"]) == (36, True, "Asha Rao")
    made = answered["made"]
    assert (made["gendercode"], made["gendercode@OData.Community.Display.V1.FormattedValue"]) == (2, "Female")
    assert (answered["changed"]["fullname"], answered["changed"]["jobtitle"]) == ("Asha Mehta", "Nurse")


@by("conditions")
def test_conditions_are_kept(answered: Seen) -> None:
    """If-None-Match * creates only, If-Match * changes only, an old version tag changes nothing (facts §2)."""
    assert error(answered["absent"]) == (404, "0x80040217")
    assert answered["created"] == "One"
    assert error(answered["again"]) == (412, "0x80040237")
    assert answered["unchanged"].get("status", 304) == 304
    assert error(answered["stale"]) == error(answered["staleDelete"]) == (412, "0x80060882")
    assert answered["last"] == "Three"
    assert error(answered["gone"]) == (404, "0x80040217")


@by("createMultiple")
def test_create_multiple_needs_a_type(answered: Seen) -> None:
    """Ids of all rows; targets without @odata.type are refused (facts §4.3)."""
    assert answered["ids"] == 7
    assert error(answered["untyped"])[0] == 400


@by("paging")
def test_pages_and_counts(answered: Seen) -> None:
    """nextLink is followed, by hand and by the package; $count, /$count and $top."""
    assert (answered["first"], answered["counted"], answered["second"]) == ("P6 P5 P4", 7, "P3 P2 P1")
    assert (answered["all"], answered["top"]) == ("P6 P5 P4 P3 P2 P1 P0", "P6 P5")
    assert (answered["count"], answered["countAll"]) == (7, 7)


@by("fetchXml")
def test_fetch_xml_and_its_cookie(answered: Seen) -> None:
    """The cookie leads to the further pages."""
    assert answered == {"page": 3, "cookie": True, "all": "P0 P1 P2 P3 P4 P5 P6"}


@by("changeSet")
def test_a_change_set_is_atomic(answered: Seen) -> None:
    """The package puts writes into one change set: $1 binds, and one refusal undoes a creation and a deletion."""
    assert answered["bound"] is True
    assert error(answered["failed"]) == (400, "0x8004431a")
    assert answered["names"] == ["Clinic"]


@by("batch")
def test_a_batch_goes_on_after_a_refusal(answered: Seen) -> None:
    """Outside change sets each part stands alone."""
    assert error(answered["refused"]) == (400, "0x8004431a")
    assert (answered["id"], answered["read"]) == ("string", ["Solo"])


@by("references")
def test_references_by_ref(answered: Seen) -> None:
    """PUT and DELETE on a lookup's $ref, POST on the collection's."""
    assert answered == {"bound": True, "loosened": None, "again": True}


@by("schema")
def test_a_table_with_a_global_choice_a_lookup_and_a_file(answered: Seen) -> None:
    """EntityDefinitions, GlobalOptionSetDefinitions and RelationshipDefinitions, created, read, used and deleted."""
    assert answered["found"] == [[True, True]]
    assert answered["entity"] == [True, "new_name"]
    assert {"new_code", "new_level", "new_name", "new_patientid"} <= set(answered["custom"])
    assert answered["options"] == [[727000000, "Low"], [727000001, "High"]]
    assert answered["navigation"] == "new_PatientId"
    assert answered["row"] == [727000001, True]
    assert answered["file"] == ["knee.pdf", 36, None]
    assert error(answered["wrong"]) == (400, "0x8004431a")
    assert answered["after"] == 0
