"""Everything known about a migration on one page: reports/report.html."""

from pathlib import Path

from crosswalk.cli.reports.page import Section, page
from crosswalk.cli.views.blocks import Block
from crosswalk.cli.views.diff import diff_view
from crosswalk.cli.views.loading import load_view, sample_view
from crosswalk.cli.views.mapping import mapping_view
from crosswalk.cli.views.plan import plan_view
from crosswalk.cli.views.proof import reconciliation_view
from crosswalk.cli.views.source import scan_view
from crosswalk.cli.views.state import status_view
from crosswalk.cli.views.undo import rollback_view
from crosswalk.model.errors import CrosswalkError
from crosswalk.model.field_diff import FieldDiff
from crosswalk.model.load_report import LoadReport
from crosswalk.model.mapping import Mapping
from crosswalk.model.ownership import Owners
from crosswalk.model.plan import Plan
from crosswalk.model.profile import Profile
from crosswalk.model.reconciliation import Reconciliation
from crosswalk.model.rollback_report import RollbackReport
from crosswalk.model.sample import Sample
from crosswalk.model.source_schema import SourceSchema
from crosswalk.runs.approvals import approvals_of
from crosswalk.runs.inspecting import rows_standing, status
from crosswalk.runs.reporting import current_map, keep_report
from crosswalk.runs.workspaces import Workspace


def write_report(workspace: Workspace) -> tuple[Path, list[str]]:
    """The page's path and its sections. Raises RefusedError before a scan."""
    sections = [
        Section("status", "Where it stands", status_view(status(workspace))),
        Section("scan", "The source", _scan(workspace)),
        *[section for section in (_map(workspace), _plan(workspace), *_moved(workspace), *_proved(workspace)) if section.blocks],
    ]
    title = f"From {workspace.config.source} to {workspace.config.destination}"
    text = page(title, "No patient's value is shown.", sections)
    return keep_report(workspace, "report.html", text.encode()), [section.name for section in sections]


def _scan(workspace: Workspace) -> list[Block]:
    schema = workspace.load_required("source_schema", SourceSchema, "scan")
    return scan_view(schema, workspace.load_required("profile", Profile, "scan"))


def _mapping(workspace: Workspace) -> Mapping | None:
    try:
        return current_map(workspace)
    except CrosswalkError:  # not made yet, or being edited: the rest of the page still holds
        return None


def _map(workspace: Workspace) -> Section:
    mapping = _mapping(workspace)
    return Section("map", "The map", mapping_view(mapping, str(workspace.mapping_path)) if mapping else [])


def _plan(workspace: Workspace) -> Section:
    plan = workspace.load("plan", Plan)
    accepted = approvals_of(workspace).accepted()
    if plan is None:
        return Section("plan", "The plan", [])
    return Section("plan", "The plan", plan_view(plan, workspace.load("owners", Owners), accepted, rows_standing(workspace)))


def _moved(workspace: Workspace) -> list[Section]:
    sample, diff, load = workspace.load("sample", Sample), workspace.load("diff", FieldDiff), workspace.load("load", LoadReport)
    mapping = _mapping(workspace)
    unmapped = [(item.object, item.field, item.reason) for item in mapping.unmapped] if mapping else []
    return [
        Section("sample", "The sample", sample_view(sample) if sample else []),
        Section("diff", "The sample, field by field", diff_view(diff, unmapped) if diff else []),
        Section("run", "The run", load_view(load) if load else []),
    ]


def _proved(workspace: Workspace) -> list[Section]:
    proof, undone = workspace.load("reconciliation", Reconciliation), workspace.load("rollback", RollbackReport)
    return [
        Section("verify", "The proof", reconciliation_view(proof) if proof else []),
        Section("rollback", "The rollback", rollback_view(undone, None) if undone else []),
    ]
