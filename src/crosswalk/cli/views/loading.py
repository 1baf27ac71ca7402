"""What a load did, and what a sample shows."""

from crosswalk.cli.progress import duration
from crosswalk.cli.views.blocks import Block, Heading, Note, Table, number, some
from crosswalk.cli.views.findings import findings_view
from crosswalk.model.load_report import LoadReport
from crosswalk.model.sample import Sample

COUNTS = ("created", "updated", "unchanged", "matched", "excluded", "rejected", "conflicts")


def load_view(report: LoadReport) -> list[Block]:
    """One line per record; every row is in exactly one of the columns from created on; one without any is left out."""
    sums = {name: sum(getattr(item, name) for item in report.records) for name in COUNTS}
    counts = [name for name in COUNTS if sums[name] or name == "created"]
    rows = [(item.record, item.rows, *(some(getattr(item, name)) for name in counts)) for item in report.records]
    totals = [number(sums[name]) for name in counts]
    footer = ("all", sum(item.rows for item in report.records), *totals)
    columns = ("record", "#rows", *(f"#{name}" for name in counts))
    shown: list[Block] = [Table(f"Run {report.run}", columns, rows, footer=footer)]
    shown.append(Note(_requests(report)))
    found = sum(item.with_findings for item in report.records)
    if found:
        shown.append(Note(f"{number(found)} of the rows written carry findings: a cell could not be written as mapped."))
    finished = sum(item.finished for item in report.records)
    if finished:
        shown.append(Note(f"{number(finished)} rows got their last fields at the end, which the CRM takes by a change only."))
    removed = sum(item.removed for item in report.records)
    if removed:
        shown.append(Note(f"{number(removed)} rows written before are no longer meant and were removed."))
    return [*shown, *findings_view(report.findings)]


def _requests(report: LoadReport) -> str:
    parts = [f"{number(report.batches)} batches in {duration(report.seconds)}"]
    if report.halved:
        parts.append(f"{report.halved} taken apart to find a refused row")
    if report.uncertain:
        parts.append(f"{report.uncertain} unanswered and settled by reading")
    if report.resent:
        parts.append(f"{report.resent} sent again after a read proved them absent")
    return ", ".join(parts)


def sample_view(sample: Sample) -> list[Block]:
    """What the sample covers, and the size that would cover everything."""
    rows = [(item.kind, item.covered, item.total, ", ".join(item.uncovered[:6])) for item in sample.coverage]
    whole = sum(sample.rows.values())
    shown: list[Block] = [Heading(f"Sample: {sample.size} {sample.root} and what belongs to them, {number(whole)} rows")]
    shown.append(Table("Coverage", ("of", "#covered", "#there are", "~not covered"), rows))
    if any(item.covered < item.total for item in sample.coverage):
        shown.append(Note(f"A sample of {number(sample.size_for_everything)} would cover everything."))
    return shown
