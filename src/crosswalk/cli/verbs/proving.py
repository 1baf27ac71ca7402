"""verify and rollback: the proof, and the way back."""

from typing import Annotated

import typer

from crosswalk.cli.session import DONE, FINDINGS, UNPROVED, Answer, session_of
from crosswalk.cli.views.blocks import Heading
from crosswalk.cli.views.proof import reconciliation_view
from crosswalk.cli.views.undo import preview_view, rollback_view
from crosswalk.model.fingerprint import Fingerprint
from crosswalk.model.reconciliation import Reconciliation
from crosswalk.model.rollback_report import RollbackPreview, RollbackReport

FOR_A_PERSON = ("quarantined", "rejected", "conflict")


def verify_code(found: Reconciliation) -> int:
    """6 when it does not balance, 5 when rows stayed behind or were changed by automation that a person should see, else 0."""
    if not found.balanced:
        return UNPROVED
    behind = any(line.states.get(state) for line in found.ledger for state in FOR_A_PERSON)
    return FINDINGS if behind or any(item.kind == "changed" for item in found.side_effects) else DONE


def verify(context: typer.Context) -> int:
    """Prove what arrived: read the destination back and balance it against the source.

    Every source row in exactly one final state; every row, value and link as written; business totals side by side.

    **Needs** a run.

    **Changes** nothing.

    **Example** `crosswalk -C clinic verify`

    **Exits** 0 when it balances; 5 when it balances and rows were quarantined, rejected or in conflict (each listed with its
    reason); 6 when it does not balance; 4 when the destination does not answer.
    """
    from crosswalk.runs.inspecting import status
    from crosswalk.runs.proving import verify as verify_all

    session = session_of(context)
    workspace = session.workspace()
    with session.events() as events:
        found = verify_all(workspace, events)
    if found.balanced:
        step = ("report", "puts everything into one file")
    else:
        stands = status(workspace)
        step = (stands.next_step, stands.why)
    return session.answer(Answer("verify", found.model_dump(mode="json"), reconciliation_view(found), *step, verify_code(found)))


def rollback_code(report: RollbackReport) -> int:
    """6 when the state before could not be proved, 5 when something of ours was kept, else 0."""
    if report.proved is False:
        return UNPROVED
    return DONE if report.complete else FINDINGS


def rollback(
    context: typer.Context,
    run_number: Annotated[
        int | None,
        typer.Option("--run", metavar="ID", help="Undo this run only (see status). Default: everything, schema included."),
    ] = None,
    preview: Annotated[bool, typer.Option("--preview", help="Show what would happen; change nothing.")] = False,
    force: Annotated[bool, typer.Option("--force", help="Also undo rows that people have edited since.")] = False,
) -> int:
    """Take the migration back, and prove that the destination is as it was.

    Removes what this migration created, restores what it changed, takes its schema changes back, in reverse order. Whatever a
    person has edited or deleted since is compared field by field and kept, with its reason (unless --force). Then the
    destination is read again and its fingerprint compared with the one from before. May be interrupted and called again.

    **Needs** the journal of a run; the destination.

    **Changes** the destination; nothing that this migration did not write.

    **Example** `crosswalk -C clinic rollback --preview`, then `crosswalk -C clinic rollback`

    **Exits** 0 when everything is as before; 5 when rows were kept (listed with reasons); 6 when the state before could not be
    proved; 4 when the destination does not answer. --preview exits 0, or 5 when something would be kept.
    """
    from crosswalk.runs.planning import before_name
    from crosswalk.runs.undoing import preview_rollback
    from crosswalk.runs.undoing import rollback as roll_back

    session = session_of(context)
    workspace = session.workspace()
    with session.events() as events:
        if preview:
            seen = preview_rollback(workspace, run=run_number, force=force, events=events)
            return session.answer(_preview_answer(seen, run_number, force))
        with workspace.journal() as journal:
            before = workspace.load(before_name(journal), Fingerprint)
        report = roll_back(workspace, run=run_number, force=force, events=events)
    fingerprint = before.digest() if before else None
    document = report.model_dump(mode="json") | {"before": fingerprint}
    shown = rollback_view(report, fingerprint)
    step = ("status", "shows where this migration stands")
    return session.answer(Answer("rollback", document, shown, *step, rollback_code(report)))


def _preview_answer(seen: RollbackPreview, run_number: int | None, force: bool) -> Answer:
    document = {"preview": seen.model_dump(mode="json")}
    if not (seen.counts or seen.schema_changes or seen.unsettled):
        return Answer("rollback", document, [Heading("There is nothing to undo.")])
    step = " ".join(["rollback", *([f"--run {run_number}"] if run_number is not None else []), *(["--force"] if force else [])])
    code = FINDINGS if seen.kept_total else DONE
    return Answer("rollback", document, preview_view(seen), step, "does it", code)
