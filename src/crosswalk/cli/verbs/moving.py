"""sample, diff and run: the records move, a slice first."""

from getpass import getuser
from typing import Annotated

import typer

from crosswalk.cli.session import DONE, FINDINGS, Answer, session_of
from crosswalk.cli.verbs.planning import Accept, AcceptedBy, accept_findings
from crosswalk.cli.views.blocks import Block, Heading, Note, Table
from crosswalk.cli.views.diff import diff_view
from crosswalk.cli.views.loading import load_view, sample_view
from crosswalk.model.field_diff import DIFFERENCES_LISTED
from crosswalk.model.load_report import LoadReport


def _left_out(report: LoadReport) -> int:
    return sum(item.rejected + item.conflicts for item in report.records)


def sample(
    context: typer.Context,
    size: Annotated[
        int, typer.Option("--size", metavar="N", min=1, help="How many patients; everything that belongs to them comes along.")
    ] = 100,
    accept: Accept = None,
    by: AcceptedBy = None,
) -> int:
    """Migrate a slice first: patients chosen to show as much as that size allows.

    Covers physicians, statuses, option values, blanks, extremes and flagged rows, with all related records; says what it
    does not cover and which size would. The rows are rows of the run: they stay and are not written twice.

    **Needs** the approved plan, applied.

    **Changes** records in the destination: creates the sample's.

    **Example** `crosswalk -C clinic sample --size 200`

    **Exits** 0; 5 when rows were rejected or in conflict; 3 refused by a gate; 4 when the destination does not answer.
    """
    from crosswalk.runs.loading import load_sample

    session = session_of(context)
    accept_findings(session, accept, by)
    with session.events() as events:
        result = load_sample(session.workspace(), size, events)
    shown: list[Block] = [*sample_view(result.sample), *load_view(result.load)]
    document = {"sample": result.sample.model_dump(mode="json"), "load": result.load.model_dump(mode="json")}
    code = FINDINGS if _left_out(result.load) else DONE
    return session.answer(Answer("sample", document, shown, "diff", "compares it field by field", code))


def diff(
    context: typer.Context,
    values: Annotated[bool, typer.Option("--values", help="Also show what was meant and what is there: patients' values.")] = False,
) -> int:
    """Compare the last sample field by field with what the destination holds.

    Every field of every row is equal, normalised (the platform rewrites it, by a rule that is named), unmapped or different.
    Written as table, JSON, reports/diff.html and reports/diff.xlsx.

    **Needs** a migrated sample.

    **Changes** nothing.

    **Example** `crosswalk -C clinic diff`

    **Exits** 0 when nothing differs and nothing is missing; 5 otherwise; 3 when there is no sample.
    """
    from crosswalk.cli.reports.diff import write_diff
    from crosswalk.runs.approvals import approved_mapping
    from crosswalk.runs.loading import diff_sample
    from crosswalk.runs.reporting import difference_values

    session = session_of(context)
    workspace = session.workspace()
    with session.events() as events:
        found = diff_sample(workspace, events)
    unmapped = [(item.object, item.field, item.reason) for item in approved_mapping(workspace).unmapped]
    written = write_diff(workspace, found, unmapped)
    shown = diff_view(found, unmapped)
    document = found.model_dump(mode="json") | {
        "clean": found.clean(),
        "unmapped": [{"object": item[0], "field": item[1], "reason": item[2]} for item in unmapped],
        "reports": [str(path) for path in written],
    }
    if values:
        rows = difference_values(workspace, found, DIFFERENCES_LISTED)
        document["values"] = [
            dict(zip(("record", "key", "field", "verdict", "expected", "actual"), row, strict=True)) for row in rows
        ]
        shown.append(
            Table("What was meant, what is there", ("record", "!source key", "~field", "verdict", "~meant", "~there"), rows)
        )
    shown.append(Note(f"Reports: {', '.join(str(path) for path in written)}"))
    step = ('approve --by "Your Name" sample', "once you have looked at it")
    return session.answer(Answer("diff", document, shown, *step, DONE if found.clean() else FINDINGS))


def run(
    context: typer.Context,
    only: Annotated[str | None, typer.Option("--only", metavar="OBJECT", help="Only this record or object of the map.")] = None,
    without_sample: Annotated[
        bool, typer.Option("--without-sample", help="Go without an approved sample; recorded with --by or your login.")
    ] = False,
    accept: Accept = None,
    by: AcceptedBy = None,
) -> int:
    """Migrate everything; after an interruption: the rest.

    Parents before children, in batches, paced to the limit the destination really has. Every write is an intent in the
    journal first: after a crash or Ctrl-C, calling `run` again settles by reading what was sent and goes on; nothing is lost
    or doubled. A finished migration run again writes nothing.

    **Needs** the applied plan and an approved sample (or --without-sample).

    **Changes** records in the destination.

    **Example** `crosswalk -C clinic run`

    **Exits** 0; 5 when rows were rejected or in conflict (see `audit --state rejected`); 3 refused by a gate; 4 when the
    destination does not answer; 130 paused.
    """
    from crosswalk.runs.inspecting import status
    from crosswalk.runs.loading import run_all

    session = session_of(context)
    workspace = session.workspace()
    accept_findings(session, accept, by)
    goes_without = ((by or "").strip() or getuser()) if without_sample else None
    with session.events() as events:
        report = run_all(workspace, only=only, without_sample_by=goes_without, events=events)
    left_out = _left_out(report)
    written = sum(item.created + item.updated for item in report.records)
    words = f"{written:,} records written" if written else "Nothing to write: everything stands already"
    shown = [*load_view(report), Heading(words, "warn" if left_out else "good")]
    if left_out:
        shown.append(Note(f"{left_out:,} rows were not written; crosswalk verify lists each reason."))
    code = FINDINGS if left_out else DONE
    step: tuple[str | None, str] = ("verify", "proves what arrived")
    if only:
        stands = status(workspace)
        step = (stands.next_step, stands.why)
    return session.answer(Answer("run", {"load": report.model_dump(mode="json")}, shown, *step, code))
