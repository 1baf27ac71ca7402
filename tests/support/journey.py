"""Journeys through the command line that are the same whichever the CRM is: a few patients with people around, a real clinic."""

from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Generic

import pytest
from scripts.drill import BY, SHARED, WITHOUT_SAMPLE, Halted, Kind, Migration, Said, Sandbox, World

Json = dict[str, Any]
Arrange = Callable[[World[Any]], tuple[str, ...]]
"""Brings a world to a gate that is closed; the verbs which that gate must refuse."""

PATIENTS = 12
VISITS = PATIENTS * 4
SAMPLE = 4
FALLBACK = "frontdesk@clinic.test"
PLANNED = {"twenty": (0,), "dynamics": (0, 5)}
"""What `plan` may say of these patients."""
CLINIC = SHARED / "data" / "clinic"
CLINIC_SAMPLE = 100
NEEDS_CLINIC = pytest.mark.skipif(
    not CLINIC.is_dir(), reason="the clinic's export lies beside the repository, in ../shared, and is not here"
)


# -- what every journey begins with -----------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Applied(Generic[Kind]):
    """A migration whose map and plan are approved and applied, and how its CRM was before."""

    halted: Halted[Kind]
    before: Json


def apply_plan(resumed: Callable[[Path], AbstractContextManager[Kind]], clinic: Path, folder: Path) -> Applied[Kind]:
    """A clinic's migration that is ready to load."""
    with resumed(folder / "state") as crm:
        before = crm.found(folder)
        migration = Migration(folder / "migration", crm)
        migration.init(clinic)
        migration.prepare()
    return Applied(Halted(folder / "migration", folder / "state", resumed), before)


def finish(applied: Applied[Kind], folder: Path) -> Halted[Kind]:
    """That migration sampled, approved and run."""
    with applied.halted.forked(folder) as world:
        world.migration.sample(SAMPLE)
        world.migration.verb("run")
    return Halted(world.migration.folder, folder / "fork" / "state", applied.halted.resumed)


# -- what people do ---------------------------------------------------------------------------------------------------------


def edit_map(migration: Migration) -> None:
    """A person changes how appointments are called."""
    path = migration.folder / "mapping.yaml"
    before = path.read_text()
    assert before.count("{template: '[{Visit Type}: ]{Purpose}'") == 1
    path.write_text(before.replace("{template: '[{Visit Type}: ]{Purpose}'", "{template: 'Visit, {Purpose}'"))


def assert_second_run_writes_nothing(world: World[Kind]) -> None:
    """A finished migration run again only reads."""
    seen = world.crm.requests()
    loaded = world.migration.verb("run").document["load"]
    assert world.crm.writes(seen) == []
    assert sum(item["unchanged"] for item in loaded["records"]) == sum(item["rows"] for item in loaded["records"]) > 0


def assert_sample_alone_is_rolled_back(world: World[Kind], before: Json) -> None:
    """--run takes the sample's rows only; the schema stays, and the migration goes on from there."""
    standing = world.found()
    world.migration.sample(SAMPLE)
    [number] = [run["id"] for run in world.migration.verb("status").document["runs"] if run["kind"] == "sample"]
    world.migration.verb("rollback", "--run", str(number))
    assert world.found() == standing
    world.migration.verb(*WITHOUT_SAMPLE)
    assert world.migration.verb("verify").document["balanced"]
    world.migration.verb("rollback")
    assert world.found() == before


# -- gates ------------------------------------------------------------------------------------------------------------------


def unapproved_sample(_: World[Any]) -> tuple[str, ...]:
    """Map, plan and schema stand, but nobody looked at a sample."""
    return ("run",)


def edited_map(world: World[Any]) -> tuple[str, ...]:
    """A map that was changed after its approval closes every later gate."""
    edit_map(world.migration)
    return ("plan", "apply", "sample", "run")


def stale_plan(world: World[Any]) -> tuple[str, ...]:
    """A newly approved map needs a plan of its own."""
    edit_map(world.migration)
    world.migration.verb("approve", "--by", BY, "map")
    return ("apply", "sample", "run")


def unapproved_plan(world: World[Any]) -> tuple[str, ...]:
    """The plan of the new map was not looked at."""
    stale_plan(world)
    world.migration.verb("plan", expect=PLANNED[world.crm.name])
    return ("apply", "sample", "run")


def unapplied_plan(world: World[Any]) -> tuple[str, ...]:
    """The approved plan is not the one that was applied."""
    unapproved_plan(world)
    world.migration.verb("approve", "--by", BY, "plan")
    return ("sample", "run")


def gates(*own: Arrange) -> pytest.MarkDecorator:
    """A case for every gate that stands before every CRM, and for those of one CRM."""
    return pytest.mark.parametrize(
        "arrange",
        [unapproved_sample, edited_map, stale_plan, unapproved_plan, unapplied_plan, *own],
        ids=lambda arrange: arrange.__name__.replace("_", " "),
    )


def assert_closed(world: World[Kind], arrange: Arrange) -> None:
    """Refused with exit 3 and a remedy; the request ledger shows no write."""
    verbs = arrange(world)
    seen = world.crm.requests()
    for verb in verbs:
        said = world.migration.verb(verb, expect=(3,))
        assert said.document["error"]["message"] and said.document["error"]["remedy"]
    assert world.crm.writes(seen) == []


def assert_nothing_moves_without_an_owner(migration: Migration, clinic: Path, owner: str | None, code: str) -> None:
    """Records that need an owner and have none block the whole migration, before the first write; so does a fresh map."""
    migration.init(clinic, owner=owner)
    for verb in ("scan", "map"):
        migration.verb(verb, expect=(0, 5))
    for verb in ("plan", "apply", "sample", "run"):
        migration.verb(verb, expect=(3,))
    migration.verb("approve", "--by", BY, "map")
    assert migration.verb("plan", expect=(5,)).document["blocking"] == [code]
    migration.verb("approve", "--by", BY, "plan")
    for verb in ("apply", "sample", "run"):
        assert code in migration.verb(verb, expect=(3,)).message
    assert migration.crm.writes() == []


# -- a real clinic ------------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Cell:
    """A cell of a row as the control API names it."""

    object: str
    id: str
    field: str
    value: Any


def load_and_prove(migration: Migration, subtests: pytest.Subtests, cell: Callable[[], Cell], numbers: Callable[[], None]) -> Said:
    """Everything that the clinic holds arrives, is proved, and a wrong cell is seen; the rollback's answer.

    `cell` picks one that the sample wrote, `numbers` asserts that the CRM's own answers hold the clinic's.
    """
    crm = migration.crm
    migration.init(CLINIC)
    migration.prepare()
    with subtests.test("the sample holds exactly what was meant"):
        assert migration.sample(CLINIC_SAMPLE).document["differences_total"] == 0
    with subtests.test("a cell that changed unseen is different, that cell alone"):
        assert_corrupted_cell_is_different(migration, cell())
    migration.verb("run")
    with subtests.test("the CRM's own answers hold the clinic's numbers"):
        numbers()
    with subtests.test("the ledger balances"):
        assert migration.verb("verify").document["balanced"]
    with subtests.test("a second run of a finished migration writes nothing"):
        seen = crm.requests()
        migration.verb("run")
        assert crm.writes(seen) == []
    return migration.verb("rollback")


def assert_corrupted_cell_is_different(migration: Migration, cell: Cell) -> None:
    """Diff names the one row and field; put back, nothing differs."""
    corrupt(migration.crm, cell, "changed by nobody")
    found = migration.verb("diff", expect=(5,)).document
    corrupt(migration.crm, cell, cell.value)
    assert [(item["destination_id"], item["field"], item["verdict"]) for item in found["differences"]] == [
        (cell.id, cell.field, "different")
    ]
    migration.verb("diff")


def corrupt(crm: Sandbox, cell: Cell, value: Any) -> None:
    """Change a cell as no API client could: unseen."""
    crm.control("corrupt", {"object": cell.object, "id": cell.id, "field": cell.field, "value": value})
