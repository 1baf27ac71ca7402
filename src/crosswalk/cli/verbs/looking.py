"""status, audit and report: where the migration stands, and what happened row by row."""

from dataclasses import asdict
from typing import Annotated

import typer

from crosswalk.cli.session import DONE, UNPROVED, Answer, session_of
from crosswalk.cli.views.blocks import Note
from crosswalk.cli.views.state import audit_view, status_view


def status(context: typer.Context) -> int:
    """Show where the migration stands and what comes next.

    **Needs** `crosswalk init`. Looks at the migration's folder only; no connection is made.

    **Changes** nothing.

    **Example** `crosswalk -C clinic status`

    **Exits** 0.
    """
    from crosswalk.runs.inspecting import status as status_of

    session = session_of(context)
    found = status_of(session.workspace())
    return session.answer(Answer("status", asdict(found), status_view(found), found.next_step, found.why))


def audit(
    context: typer.Context,
    source_id: Annotated[str | None, typer.Option("--source-id", metavar="ID", help="Everything about this source key.")] = None,
    destination_id: Annotated[
        str | None, typer.Option("--destination-id", metavar="ID", help="Everything about this record of the CRM.")
    ] = None,
    run_number: Annotated[int | None, typer.Option("--run", metavar="ID", help="Only this run.")] = None,
    state: Annotated[str | None, typer.Option("--state", help="Only this state: loaded, rejected, conflict, kept, open, …")] = None,
    operation: Annotated[
        str | None, typer.Option("--operation", help="Only create, update, remove, restore, upload, schema_apply, schema_undo.")
    ] = None,
    limit: Annotated[int, typer.Option("--limit", metavar="N", min=1, help="At most so many, the oldest first.")] = 1000,
) -> int:
    """Search the audit log: every insert, update, delete, error and approval, per source record.

    Also recomputes the journal's chain of digests: whether it is still what was written into it.

    **Needs** `crosswalk init`.

    **Changes** nothing.

    **Example** `crosswalk -C clinic audit --source-id PDC-000051`; export: `crosswalk -C clinic --json audit --limit 1000000`

    **Exits** 0; 6 when the journal has been tampered with or damaged.
    """
    from crosswalk.runs.inspecting import audit as search
    from crosswalk.runs.inspecting import check_audit

    session = session_of(context)
    workspace = session.workspace()
    entries = search(
        workspace, source_id=source_id, destination_id=destination_id, run=run_number, state=state, operation=operation, limit=limit
    )  # fmt: skip
    chain = check_audit(workspace)
    document = {"entries": [asdict(entry) for entry in entries], "chain": asdict(chain)}
    return session.answer(Answer("audit", document, audit_view(entries, chain), exit_code=DONE if chain.ok else UNPROVED))


def report(context: typer.Context) -> int:
    """Put everything known about the migration into one HTML page.

    Scan, map, plan, sample, diff, verify and rollback, as far as they have been done, on a page that needs nothing else: no
    script, no network. It shows no patient's value, so it can be sent to whoever signs.

    **Needs** `crosswalk scan`.

    **Changes** nothing outside the migration's folder: writes reports/report.html.

    **Example** `crosswalk -C clinic report`

    **Exits** 0.
    """
    from crosswalk.cli.reports.whole import write_report

    session = session_of(context)
    path, sections = write_report(session.workspace())
    shown = [Note(f"Report: {path} ({', '.join(sections)})", "plain")]
    return session.answer(Answer("report", {"report": str(path), "sections": sections}, shown))
