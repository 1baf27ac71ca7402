"""status and audit: where a migration stands, and what became of every row (E8)."""

import shlex
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from crosswalk.model.approval import What
from crosswalk.model.artefact import Artefact
from crosswalk.model.errors import CrosswalkError
from crosswalk.model.extraction import Extraction
from crosswalk.model.field_diff import FieldDiff
from crosswalk.model.fingerprint import Fingerprint
from crosswalk.model.mapping import Mapping
from crosswalk.model.plan import Applied, Plan
from crosswalk.model.reconciliation import Reconciliation
from crosswalk.model.sample import Sample
from crosswalk.model.staged_writes import StagedWrites
from crosswalk.runs.approvals import approvals_of, stale_plan
from crosswalk.runs.milestones import Milestones, milestones
from crosswalk.runs.planning import before_name
from crosswalk.runs.recovery import EVERYTHING
from crosswalk.store.entries import STANDING, AuditEntry, ChainCheck, RunRecord
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
    next_step: str | None
    """The verb that comes next, with the options it needs; None when the migration is proved."""
    why: str
    """What that verb does, where its name does not say it."""
    runs: tuple[RunRecord, ...]
    rows: dict[str, dict[str, int]]
    """Record → state → rows, as the journal has them."""
    open_intents: int


SAMPLING = ("sample", "diff", "approve sample")
"""What a run may go without, when somebody says so by name."""

UNBALANCED = "not balanced"


def status(workspace: Workspace) -> Status:
    """Where this migration stands and what comes next; looks at the workspace only."""
    config = workspace.config
    with workspace.journal() as journal:
        rows: dict[str, dict[str, int]] = {}
        for (record, state), count in journal.counts().items():
            rows.setdefault(record, {})[state] = count
        reached = milestones(journal)
        open_intents = sum(len(batch.intents) for batch in journal.open_batches())
        noted = workspace.load(before_name(journal), Fingerprint) is not None
        steps = tuple(_Look(workspace, reached, noted, open_intents).steps())
        next_step, why = _next_step(steps, reached, workspace)
        return Status(
            source=f"{config.source} {config.source_location}",
            destination=f"{config.destination} {config.destination_url}",
            migration_id=config.migration_id,
            generation=journal.generation(),
            steps=steps,
            next_step=next_step,
            why=why,
            runs=tuple(journal.runs()),
            rows=rows,
            open_intents=open_intents,
        )


def _next_step(steps: Sequence[StepStatus], reached: Milestones, workspace: Workspace) -> tuple[str | None, str]:
    """The verb that comes next, and what it does."""
    if reached.undo is not None:
        of = reached.undo.details.get("of", EVERYTHING)
        return "rollback" if of == EVERYTHING else f"rollback --run {of}", "takes back the rest"
    full, staged = reached.full, workspace.load("staged", StagedWrites)
    of_these_writes = full is not None and staged is not None and full.details.get("staged") == staged.digest()
    by = full.details.get("without_sample_by") if full and of_these_writes else None
    # A run that has ended, or that somebody began without a sample, needs none any more.
    needs_none = by is not None or (of_these_writes and full is not None and full.state == "done")
    undone = next((step for step in steps if not step.done and not (needs_none and step.verb in SAMPLING)), None)
    if undone is None:
        return None, ""
    if undone.verb == "map" and workspace.mapping_path.exists():
        return 'approve --by "Your Name" map', "says what is wrong in mapping.yaml"
    if undone.verb == "run":
        return f"run --without-sample --by {shlex.quote(by)}" if by else "run", "loads what is not loaded yet"
    proof = workspace.load("reconciliation", Reconciliation)
    if undone.verb == "verify" and undone.detail == UNBALANCED and proof is not None:
        return _after_unbalanced(proof)
    return undone.verb.replace("approve ", 'approve --by "Your Name" '), ""


def _after_unbalanced(proof: Reconciliation) -> tuple[str, str]:
    """Where to look when a proof does not balance although everything was loaded."""
    if any(item.missing or item.different for item in proof.records):
        return "rollback --preview", "lists the rows that somebody has changed or deleted since"
    for state in ("conflict", "rejected"):
        if any(line.states.get(state) for line in proof.ledger):
            return f"audit --state {state}", "shows row by row what happened"
    return "verify", "reads everything again"


class _Look:
    """The steps of one workspace, each with whether its result still holds for what comes before it."""

    def __init__(self, workspace: Workspace, reached: Milestones, noted: bool, open_intents: int) -> None:
        self._workspace = workspace
        self._reached = reached
        self._open = open_intents
        self._extraction = workspace.load("extraction", Extraction)
        self._mapping = _readable_mapping(workspace)
        self._plan = workspace.load("plan", Plan)
        self._plan_missing = self._why_no_plan()
        self._applied = noted and self._plan is not None and not self._plan_missing and self._stands(self._plan)
        staged = workspace.load("staged", StagedWrites)
        self._staged = staged.digest() if staged else ""

    def steps(self) -> Iterator[StepStatus]:
        """The verbs in order."""
        mapping, plan = self._mapping, None if self._plan_missing else self._plan
        yield StepStatus("scan", self._extraction is not None, _of(self._extraction, "extraction"))
        yield StepStatus("map", mapping is not None, "mapping.yaml" if mapping else "no readable mapping.yaml")
        yield _approved(self._workspace, "map", mapping)
        yield StepStatus("plan", plan is not None, self._plan_missing or _of(plan, "plan"))
        yield _approved(self._workspace, "plan", plan)
        yield StepStatus("apply", self._applied, "the schema stands" if self._applied else "not applied")
        yield from self._sampling()
        yield self._run()
        yield self._verify()

    def _why_no_plan(self) -> str:
        """Why there is no plan that holds, or nothing."""
        if self._plan is None or self._mapping is None:
            return "none for this map"
        if stale := stale_plan(self._workspace, self._plan, self._mapping):
            return stale
        return "" if self._reached.plan == self._plan.digest() else "made before the rollback"

    def _stands(self, plan: Plan) -> bool:
        applied, run = self._workspace.load("applied", Applied), self._reached.apply
        ended = run is not None and run.state == "done"
        return ended and applied is not None and applied.based_on.get("plan") == plan.digest()

    def _sampling(self) -> Iterator[StepStatus]:
        sample, run = self._workspace.load("sample", Sample), self._reached.sample
        by = self._reached.full.details.get("without_sample_by") if self._reached.full else None
        loaded, words = False, f"{by} went without one" if by else "none of this plan"
        if self._applied and sample and run and sample.based_on.get("staged") == self._staged:
            loaded = run.state == "done" and run.details.get("sample") == sample.digest()
            words = f"{sample.size} {sample.root}" if loaded else _unended(run)
        yield StepStatus("sample", loaded, words)
        diff = self._workspace.load("diff", FieldDiff)
        compared = loaded and diff is not None and diff.based_on.get("staged") == self._staged
        yield StepStatus("diff", compared, _of(diff, "diff") if compared else "not compared")
        yield _approved(self._workspace, "sample", diff if compared else None)

    def _run(self) -> StepStatus:
        run = self._reached.full
        if run is None or not self._applied:
            return StepStatus("run", False, "nothing loaded" if run is None else f"run {run.id} loaded an older plan")
        if run.details.get("staged") != self._staged:
            return StepStatus("run", False, f"run {run.id} loaded an older plan")
        if run.state != "done":
            return StepStatus("run", False, _unended(run))
        if self._open:
            return StepStatus("run", False, f"{self._open:,} requests are open")
        return StepStatus("run", True, f"run {run.id} loaded everything")

    def _verify(self) -> StepStatus:
        proof = self._workspace.load("reconciliation", Reconciliation)
        holds = proof is not None and proof.digest() == self._reached.proof and proof.based_on.get("staged") == self._staged
        if proof is None or not self._applied or not holds:
            return StepStatus("verify", False, "not verified" if proof is None else "not verified since")
        return StepStatus("verify", proof.balanced, "balanced" if proof.balanced else UNBALANCED)


def _unended(run: RunRecord) -> str:
    """How a run stands that has not ended well."""
    return f"run {run.id} is at work, or was killed" if run.ended is None else f"run {run.id}: {run.state}"


def _readable_mapping(workspace: Workspace) -> Mapping | None:
    try:
        return read_mapping(workspace.mapping_path) if workspace.mapping_path.exists() else None
    except CrosswalkError:
        return None


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


def rows_standing(workspace: Workspace) -> int:
    """How many rows this migration has written that stand in the destination, as far as the journal knows."""
    with workspace.journal() as journal:
        return sum(count for (_, state), count in journal.counts().items() if state in STANDING and state != "matched")


def check_audit(workspace: Workspace) -> ChainCheck:
    """Whether the journal is what was written into it."""
    with workspace.journal() as journal:
        return journal.verify_chain()
