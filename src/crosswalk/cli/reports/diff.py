"""The diff as files: reports/diff.html and reports/diff.xlsx, without patients' values."""

from collections.abc import Sequence
from pathlib import Path

from crosswalk.cli.reports.page import Section, page
from crosswalk.cli.reports.workbook import workbook
from crosswalk.cli.views.blocks import Table
from crosswalk.cli.views.diff import diff_view
from crosswalk.model.field_diff import FieldDiff
from crosswalk.runs.reporting import keep_report
from crosswalk.runs.workspaces import Workspace


def write_diff(workspace: Workspace, diff: FieldDiff, unmapped: Sequence[tuple[str, str, str]]) -> list[Path]:
    """Both files; where they lie."""
    blocks = diff_view(diff, unmapped, listed=len(diff.differences))
    subtitle = "What was meant against what the destination holds; no patient's value is shown."
    html = page("Sample, field by field", subtitle, [Section("diff", "Diff", blocks)])
    book = workbook([block for block in blocks if isinstance(block, Table)])
    return [keep_report(workspace, "diff.html", html.encode()), keep_report(workspace, "diff.xlsx", book)]
