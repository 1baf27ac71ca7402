"""The gates (B4): nothing is written before a named person approved exactly this map, plan and sample."""

from collections.abc import Sequence
from datetime import UTC, datetime

from crosswalk.model.approval import Acceptance, Approval, Approvals, What
from crosswalk.model.artefact import Artefact
from crosswalk.model.errors import RefusedError, UsageError
from crosswalk.model.extraction import Extraction
from crosswalk.model.field_diff import FieldDiff
from crosswalk.model.mapping import Mapping
from crosswalk.model.plan import Applied, Plan
from crosswalk.model.staged_writes import StagedWrites
from crosswalk.store.mapping_file import read_mapping
from crosswalk.store.workspace import Workspace


def approve(workspace: Workspace, what: What, by: str) -> Approval:
    """Seal the digest of the map, the plan or the sample's diff under a person's name, in the journal, too.

    Raises RefusedError when there is nothing to approve yet, UsageError without a name.
    """
    if not by.strip():
        raise UsageError("An approval needs the name of the person who gives it", 'Say who: --by "Your Name".')
    approval = Approval(what=what, digest=_subject(workspace, what).digest(), by=by.strip(), at=_now())
    with workspace.lock(), workspace.journal() as journal:
        journal.record_event("approved", {"what": what, "digest": approval.digest, "by": approval.by})
        approvals = approvals_of(workspace)
        workspace.save("approvals", approvals.model_copy(update={"approvals": (*approvals.approvals, approval)}))
    return approval


def accept(workspace: Workspace, codes: Sequence[str], by: str) -> None:
    """Record that a person takes blocking findings on themselves, by code.

    Raises UsageError without a name, for a code the plan has not found (a warning may be accepted, too), and for one that makes
    writing impossible.
    """
    if not codes:
        return
    if not by.strip():
        raise UsageError("Accepting a finding needs the name of the person who does", 'Say who: --by "Your Name".')
    plan = workspace.load_required("plan", Plan, "plan")
    blocking = sorted({finding.code for finding in plan.findings if finding.severity == "blocking"})
    if unknown := sorted(set(codes) - {finding.code for finding in plan.findings}):
        raise UsageError(f"The plan has no finding {', '.join(unknown)}", f"Blocking are: {', '.join(blocking) or 'none'}.")
    if refused := [item for item in plan.findings if item.code in codes and not item.acceptable]:
        names = ", ".join(sorted({item.code for item in refused}))
        raise UsageError(
            f"{names} cannot be accepted, since nothing could be written there: {refused[0].message}", refused[0].remedy
        )
    taken = tuple(Acceptance(code=code, by=by.strip(), at=_now()) for code in codes)
    with workspace.lock(), workspace.journal() as journal:
        for item in taken:
            journal.record_event("accepted", {"code": item.code, "by": item.by})
        approvals = approvals_of(workspace)
        workspace.save("approvals", approvals.model_copy(update={"acceptances": (*approvals.acceptances, *taken)}))


def approvals_of(workspace: Workspace) -> Approvals:
    """All approvals so far."""
    return workspace.load("approvals", Approvals) or Approvals()


def approved_mapping(workspace: Workspace) -> Mapping:
    """The map as it stands in mapping.yaml. Raises RefusedError unless exactly this map was approved."""
    mapping = _mapping(workspace)
    _require(workspace, "map", mapping, "mapping.yaml has been changed since it was approved")
    return mapping


def stale_plan(workspace: Workspace, plan: Plan, mapping: Mapping) -> str | None:
    """Why the plan no longer holds (another map, other rows, undone since), or None when it does. What approval it has is
    another question."""
    if plan.based_on.get("mapping") != mapping.digest():
        return "The plan was made for another version of the map"
    extraction = workspace.load("extraction", Extraction)
    if extraction is None:
        return "The last scan of the export did not come to its end"
    if plan.based_on.get("extraction") != extraction.content_digest():
        return "The export was scanned anew since the plan; nothing of that is planned yet"
    with workspace.journal() as journal:
        if plan.based_on.get("generation") != str(journal.generation()):
            return "Everything was rolled back since the plan; its rows would come back under ids that were deleted"
    return None


def approved_plan(workspace: Workspace, mapping: Mapping) -> Plan:
    """The plan. Raises RefusedError unless it was approved, is of this map and of the rows scanned last, nothing was rolled
    back since, and every blocking finding was accepted."""
    plan = workspace.load_required("plan", Plan, "plan")
    if stale := stale_plan(workspace, plan, mapping):
        verb = "plan" if workspace.load("extraction", Extraction) else "scan"
        raise RefusedError(stale, f"Run crosswalk {verb}, then approve and apply the plan.")
    _require(workspace, "plan", plan, "the plan has changed since it was approved")
    if blocking := plan.blocking(approvals_of(workspace).accepted()):
        found = "; ".join(f"{item.code}: {item.message} {item.remedy}" for item in blocking)
        codes = " ".join(f"--accept {code}" for code in plan.acceptable(approvals_of(workspace).accepted()))
        raise RefusedError(
            f"Blocking findings stand: {found}",
            "Remedy them and plan again" + (f', or accept: {codes} --by "Your Name".' if codes else "; not all can be accepted."),
        )
    return plan


def applied_plan(workspace: Workspace, mapping: Mapping) -> tuple[Plan, Applied, StagedWrites]:
    """What sample and run stand on. Raises RefusedError unless exactly the approved plan has been applied."""
    plan = approved_plan(workspace, mapping)
    applied = workspace.load_required("applied", Applied, "apply")
    if applied.based_on.get("plan") != plan.digest():
        raise RefusedError("The plan that was applied is not the one that was approved last", "Run crosswalk apply.")
    staged = workspace.load_required("staged", StagedWrites, "plan")
    if staged.digest() != plan.staged_digest:
        raise RefusedError("The staged writes are not those of the approved plan", "Run crosswalk plan, approve it and apply it.")
    return plan, applied, staged


def approved_sample(workspace: Workspace, staged: StagedWrites) -> FieldDiff:
    """The approved diff of the sample. Raises RefusedError unless it was approved and is of these staged writes."""
    diff = workspace.load("diff", FieldDiff)
    remedy = (
        'Run crosswalk sample, crosswalk diff and crosswalk approve --by "Your Name" sample; '
        'or crosswalk run --without-sample --by "Your Name".'
    )
    if diff is None or diff.based_on.get("staged") != staged.digest():
        raise RefusedError("No sample of this plan has been compared yet", remedy)
    approval = approvals_of(workspace).current("sample")
    if approval is None or approval.digest != diff.digest():
        raise RefusedError("The sample's diff is not approved", remedy)
    return diff


def _subject(workspace: Workspace, what: What) -> Artefact:
    if what == "map":
        return _mapping(workspace)
    if what == "plan":
        return workspace.load_required("plan", Plan, "plan")
    return workspace.load_required("diff", FieldDiff, "diff")


def _mapping(workspace: Workspace) -> Mapping:
    if not workspace.mapping_path.exists():
        raise RefusedError(f"there is no map in {workspace.root} yet", "Run crosswalk scan and crosswalk map first.")
    return read_mapping(workspace.mapping_path)


def _require(workspace: Workspace, what: What, artefact: Artefact, changed: str) -> None:
    approval = approvals_of(workspace).current(what)
    remedy = f'Look at it, then run crosswalk approve --by "Your Name" {what}.'
    if approval is None:
        raise RefusedError(f"The {what} is not approved", remedy)
    if approval.digest != artefact.digest():
        raise RefusedError(f"The {what} is not approved as it stands: {changed} by {approval.by}", remedy)


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="seconds")
