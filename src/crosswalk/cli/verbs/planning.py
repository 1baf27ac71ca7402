"""plan and apply: what will happen, and the destination's schema made ready for it."""

from typing import Annotated

import typer

from crosswalk.cli.session import DONE, FINDINGS, Answer, Session, session_of
from crosswalk.cli.views.blocks import Heading, Note
from crosswalk.cli.views.plan import changes_view, plan_view
from crosswalk.model.errors import UsageError
from crosswalk.model.ownership import Owners

Accept = Annotated[
    list[str] | None,
    typer.Option("--accept", metavar="CODE", help="Take a blocking finding on yourself; repeat for several. Needs --by."),
]
AcceptedBy = Annotated[str | None, typer.Option("--by", metavar="NAME", help="Your name; it is recorded with what you accept.")]


def accept_findings(session: Session, codes: list[str] | None, by: str | None) -> None:
    """Record accepted findings. Raises UsageError without a name, or for a code the plan has not found."""
    from crosswalk.runs.approvals import accept

    if not codes:
        return
    if not by:
        raise UsageError("--accept needs the name of the person who takes the finding on", 'Say who: --by "Your Name".')
    accept(session.workspace(), codes, by)


def plan(context: typer.Context) -> int:
    """Show everything that would happen: schema changes, owners, waves, findings, estimate.

    Transforms all rows, looks at the destination (schema, users, rows that stand there, automations that would react) and
    writes the plan down for approval.

    **Needs** an approved map, and the destination.

    **Changes** nothing in the destination.

    **Example** `crosswalk -C clinic plan`

    **Exits** 0; 5 when blocking findings stand (remedy them and plan again, or accept them by code and name at `apply`); 3 when
    the map is not approved as it stands; 4 when the destination does not answer.
    """
    from crosswalk.runs.approvals import approvals_of
    from crosswalk.runs.inspecting import rows_standing
    from crosswalk.runs.planning import make_plan

    session = session_of(context)
    workspace = session.workspace()
    with session.events() as events:
        made = make_plan(workspace, events)
    accepted = approvals_of(workspace).accepted()
    blocking = made.blocking(accepted)
    document = made.model_dump(mode="json") | {
        "digest": made.digest(),
        "blocking": sorted({item.code for item in blocking}),
        "accepted": list(accepted),
    }
    shown = plan_view(made, workspace.load("owners", Owners), accepted, rows_standing(workspace))
    why = "once you have read the plan"
    if blocking:
        shown.append(Heading("Blocking findings stand.", "bad"))
        codes = " ".join(f"--accept {code}" for code in made.acceptable(accepted))
        taken = session.command(f'apply {codes} --by "Your Name"')
        or_else = f"; or approve, then take them on yourself: {taken}" if codes else " (some of them nobody can take on)"
        shown.append(Note(f"Remedy them and plan again{or_else}"))
    code = FINDINGS if blocking else DONE
    return session.answer(Answer("plan", document, shown, 'approve --by "Your Name" plan', why, code))


def apply(context: typer.Context, accept: Accept = None, by: AcceptedBy = None) -> int:
    """Create the objects and fields the approved plan lists, in order, each read back.

    Notes the destination's state (its fingerprint) first, so that a rollback can prove it restored it. May be called again.

    **Needs** the approved map and plan; every blocking finding remedied or accepted (`--accept CODE --by NAME`, recorded).

    **Changes** the destination's schema. No record is written.

    **Example** `crosswalk -C clinic apply --accept workflow_active --by "Ann Iyer"`

    **Exits** 0; 3 when something is not approved, has drifted, or a blocking finding stands; 4 when the destination does not
    answer.
    """
    from crosswalk.runs.planning import apply_plan

    session = session_of(context)
    accept_findings(session, accept, by)
    with session.events() as events:
        result = apply_plan(session.workspace(), events)
    shown = [Heading(f"Applied: {len(result.changes)} schema changes stand", "good"), *changes_view(result.changes)]
    shown.append(Note(f"State before: fingerprint {result.before.digest()}"))
    document = {
        "changes": [item.label() for item in result.changes],
        "fingerprint": result.before.digest(),
        "before": {item.object: {"live": item.live, "deleted": item.deleted} for item in result.before.objects},
    }
    return session.answer(Answer("apply", document, shown, "sample", "migrates a covering slice first"))
