"""status and audit: where a migration stands, and what became of every row (E8)."""

from dataclasses import dataclass

from crosswalk.model.approval import What
from crosswalk.model.artefact import Artefact
from crosswalk.model.errors import CrosswalkError
from crosswalk.model.extraction import Extraction
from crosswalk.model.field_diff import FieldDiff
from crosswalk.model.fingerprint import Fingerprint
from crosswalk.model.plan import Applied, Plan
from crosswalk.model.reconciliation import Reconciliation
from crosswalk.model.sample import Sample
from crosswalk.model.staged_writes import StagedWrites
from crosswalk.runs.approvals import approvals_of
from crosswalk.runs.planning import before_name
from crosswalk.store.entries import AuditEntry, ChainCheck, RunRecord
from crosswalk.store.mapping_file import read_mapping
from crosswalk.store.workspace import Workspace


@dataclass(frozen=True, slots=True)
class StepStatus:
    """One verb of the story: done, to be done (again), or not yet possible; `detail` says why in a few words."""

    verb: str
    done: bool
    detail: str


@dataclass(frozen=True, slots=True)
class Status:
    """Where a migration stands. `open_intents` are requests of an interrupted run that the next verb settles by reading."""

    source: str
    destination: str
    migration_id: str
    generation: int
    steps: tuple[StepStatus, ...]
    next_step: str
    runs: tuple[RunRecord, ...]
    rows: dict[str, dict[str, int]]
    """Record → state → rows, as the journal has them."""
    open_intents: int


def status(workspace: Workspace) -> Status:
    """Where this migration stands and what comes next; looks at the workspace only."""
    config = workspace.config
    with workspace.journal() as journal:
        rows: dict[str, dict[str, int]] = {}
        for (record, state), count in journal.counts().items():
            rows.setdefault(record, {})[state] = count
        steps = tuple(_steps(workspace, bool(rows), workspace.load(before_name(journal), Fingerprint) is not None))
        return Status(
            source=f"{config.source} {config.source_location}",
            destination=f"{config.destination} {config.destination_url}",
            migration_id=config.migration_id,
            generation=journal.generation(),
            steps=steps,
            next_step=next((step.verb for step in steps if not step.done), "rollback, or nothing: the migration is proved"),
            runs=tuple(journal.runs()),
            rows=rows,
            open_intents=sum(len(batch.intents) for batch in journal.open_batches()),
        )


def _steps(workspace: Workspace, loaded: bool, noted: bool) -> list[StepStatus]:
    """The verbs in order, each with whether its result still holds for what comes before it."""
    extraction = workspace.load("extraction", Extraction)
    plan = workspace.load("plan", Plan)
    applied = workspace.load("applied", Applied)
    staged = workspace.load("staged", StagedWrites)
    sample = workspace.load("sample", Sample)
    diff = workspace.load("diff", FieldDiff)
    proof = workspace.load("reconciliation", Reconciliation)
    try:
        mapping = read_mapping(workspace.mapping_path) if workspace.mapping_path.exists() else None
    except CrosswalkError:
        mapping = None
    plan_holds = plan is not None and mapping is not None and plan.based_on.get("mapping") == mapping.digest()
    applied_holds = (
        plan_holds and noted and applied is not None and plan is not None and applied.based_on.get("plan") == plan.digest()
    )
    current = staged.digest() if staged else ""
    sampled = applied_holds and sample is not None and sample.based_on.get("staged") == current
    compared = sampled and diff is not None and diff.based_on.get("staged") == current
    proved = applied_holds and loaded and proof is not None and proof.based_on.get("staged") == current
    return [
        StepStatus("scan", extraction is not None, _of(extraction, "extraction")),
        StepStatus("map", mapping is not None, "mapping.yaml" if mapping else "no readable mapping.yaml"),
        _approved(workspace, "map", mapping),
        StepStatus("plan", plan_holds, _of(plan, "plan") if plan_holds else "none for this map"),
        _approved(workspace, "plan", plan if plan_holds else None),
        StepStatus("apply", applied_holds, "the schema stands" if applied_holds else "not applied"),
        StepStatus("sample", sampled, f"{sample.size} {sample.root}" if sample and sampled else "none of this plan"),
        StepStatus("diff", compared, _of(diff, "diff") if compared else "not compared"),
        _approved(workspace, "sample", diff if compared else None),
        StepStatus("run", loaded and applied_holds, "rows are loaded" if loaded else "nothing loaded"),
        StepStatus("verify", proved and proof is not None and proof.balanced, "balanced" if proved else "not verified"),
    ]


def _of(artefact: Artefact | None, name: str) -> str:
    return f"{name} {artefact.digest()[:12]}" if artefact else f"no {name}"


def _approved(workspace: Workspace, what: What, artefact: Artefact | None) -> StepStatus:
    approval = approvals_of(workspace).current(what)
    holds = approval is not None and artefact is not None and approval.digest == artefact.digest()
    detail = f"by {approval.by} at {approval.at}" if approval and holds else "changed since" if approval else "not approved"
    return StepStatus(f"approve {what}", holds, detail)


def audit(
    workspace: Workspace,
    *,
    source_id: str | None = None,
    destination_id: str | None = None,
    run: int | None = None,
    state: str | None = None,
    operation: str | None = None,
    limit: int | None = None,
) -> list[AuditEntry]:
    """Every insert, update, delete, error and approval that fits, oldest first."""
    with workspace.journal() as journal:
        return list(
            journal.audit(
                source_key=source_id, destination_id=destination_id, run=run, state=state, operation=operation, limit=limit
            )
        )


def check_audit(workspace: Workspace) -> ChainCheck:
    """Whether the journal is what was written into it."""
    with workspace.journal() as journal:
        return journal.verify_chain()
