"""Which findings a person may take on themselves: none that makes writing impossible."""

from pathlib import Path

import pytest

from crosswalk.model.errors import RefusedError, UsageError
from crosswalk.model.extraction import Extraction
from crosswalk.model.finding import Finding
from crosswalk.model.mapping import Mapping
from crosswalk.model.plan import Estimate, Plan
from crosswalk.runs.approvals import accept, approve, approved_plan
from crosswalk.store.config import Config
from crosswalk.store.workspace import Workspace

MAP = Mapping(source="s", destination="d", sample_root="people", records={})


def planned(folder: Path, *findings: Finding) -> Workspace:
    """A workspace with an approved plan of these findings."""
    config = Config(
        migration_id="m", source="pulse", source_location=".", destination="twenty", destination_url="http://127.0.0.1"
    )  # fmt: skip
    workspace = Workspace.create(folder / "clinic", config)
    extraction = Extraction(objects=(), sources={})
    workspace.save("extraction", extraction)
    workspace.save("plan", Plan(
        destination="d", schema_changes=(), schema_digest="", staged_digest="", waves=(), findings=findings,
        estimate=Estimate(requests=0, requests_per_minute=1, seconds=0),
        based_on={"mapping": MAP.digest(), "extraction": extraction.content_digest(), "generation": "1"},
    ))  # fmt: skip
    approve(workspace, "plan", "Ann")
    return workspace


def blocking(code: str, *, acceptable: bool) -> Finding:
    """A blocking finding."""
    return Finding(code=code, severity="blocking", message=f"{code} stands.", remedy="Correct it.", acceptable=acceptable)


def test_what_makes_writing_impossible_cannot_be_accepted(tmp_path: Path) -> None:
    """Neither by the command nor by an acceptance from before; the refusal offers no --accept."""
    workspace = planned(tmp_path, blocking("object_unknown", acceptable=False), blocking("workflow_active", acceptable=True))
    accept(workspace, ["workflow_active"], "Ann")
    with pytest.raises(UsageError, match="object_unknown cannot be accepted") as refused:
        accept(workspace, ["object_unknown"], "Ann")
    assert refused.value.remedy == "Correct it."
    with pytest.raises(RefusedError, match="object_unknown") as stopped:
        approved_plan(workspace, MAP)
    assert "--accept" not in stopped.value.remedy


def test_what_is_a_persons_to_judge_can_be_accepted(tmp_path: Path) -> None:
    """The refusal says how; afterwards the plan holds."""
    workspace = planned(tmp_path, blocking("workflow_active", acceptable=True))
    with pytest.raises(RefusedError) as stopped:
        approved_plan(workspace, MAP)
    assert "--accept workflow_active --by" in stopped.value.remedy
    accept(workspace, ["workflow_active"], "Ann")
    assert approved_plan(workspace, MAP).findings
