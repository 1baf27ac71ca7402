"""The demo: the whole story on a made-up clinic and a sandbox, told step by step."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from time import monotonic
from typing import Any

import orjson
from rich.console import RenderableType

from crosswalk.cli.demo.planted import Reckoning, reckon
from crosswalk.cli.demo.tale import reckoning_view
from crosswalk.cli.progress import duration
from crosswalk.cli.views.blocks import Heading, Note, number
from crosswalk.model.finding import Finding
from crosswalk.model.mapping import Mapping as FieldMap
from crosswalk.model.ownership import Owners
from crosswalk.model.plan import Plan
from crosswalk.model.profile import Profile
from crosswalk.model.reconciliation import Reconciliation, SideEffect
from crosswalk.model.rollback_report import RollbackReport
from crosswalk.runs.approvals import accept, approve
from crosswalk.runs.events import Events
from crosswalk.runs.loading import diff_sample, load_sample, run_all
from crosswalk.runs.mapping import make_map
from crosswalk.runs.planning import apply_plan, make_plan
from crosswalk.runs.proving import verify
from crosswalk.runs.rehearsal import make_demo_clinic, sandbox
from crosswalk.runs.scanning import scan
from crosswalk.runs.tracing import record_ends, row_ends
from crosswalk.runs.undoing import rollback
from crosswalk.runs.workspaces import Workspace, create_workspace

BY = "Demo"
MEMBERS = ("mehta@clinic.test", "iyer@clinic.test")
FALLBACK = "frontdesk@clinic.test"
SAMPLE = 100
KNOWN_BLOCKING = frozenset({"workflow_active"})
"""A new workspace's own automation; the demo takes it on itself, and what it does is undone. Anything else stops the demo."""

Show = Callable[..., None]


@dataclass(frozen=True, slots=True)
class Ending:
    """How the demo ended."""

    proved: bool
    """Everything balanced, nothing differed, and the rollback was proved."""
    exact: bool
    """Exactly the planted dirt was found."""
    document: dict[str, Any]


@dataclass(slots=True)
class _Teller:
    """Tells each chapter as it ends, and remembers it for --json."""

    show: Show
    chapters: list[dict[str, Any]] = field(default_factory=lambda: [])
    since: float = field(default_factory=monotonic)

    def chapter(self, title: str, *lines: str, **facts: Any) -> None:
        now = monotonic()
        seconds, self.since = now - self.since, now
        self.chapters.append({"step": title, "seconds": round(seconds, 1), "lines": list(lines), **facts})
        blocks: list[RenderableType] = [Heading(f"{title}  ({duration(seconds)})"), *(Note(f"  {line}", "plain") for line in lines)]
        self.show(*blocks)


def tell(folder: Path, destination: str, patients: int, limits: bool, events: Events, show: Show) -> Ending:
    """Run the story in an empty folder; the export and the workspace stay there. Raises what the verbs raise."""
    teller = _Teller(show)
    planted = _clinic(folder / "clinic", patients, teller)
    with sandbox(destination, members=MEMBERS, limits=limits) as details:
        workspace = create_workspace(
            folder / "migration", source="pulse", source_location=str(folder / "clinic"), destination=destination,
            destination_url=details["url"], fallback_owner=FALLBACK, country=planted["country"], timezone=planted["timezone"],
            currency=planted["currency"], policy="link",
        )  # fmt: skip
        profile, mapping = _prepare(workspace, events, teller)
        clean = _move(workspace, events, teller)
        proof = _verify(workspace, events, teller)
        owners = workspace.load("owners", Owners)
        found = reckon(planted, profile, row_ends(workspace), record_ends(workspace), owners, proof, mapping)
        undone = _undo(workspace, events, teller)
    show(*reckoning_view(found))
    proved = clean and proof.balanced and bool(undone.proved) and undone.complete
    show(Heading(_last_words(proved, found), "good" if proved and found.exact() else "bad"))
    document = {"steps": teller.chapters, "proved": proved, "exact": found.exact(), "planted": _plain(found)}
    return Ending(proved, found.exact(), document)


def _clinic(folder: Path, patients: int, teller: _Teller) -> Mapping[str, Any]:
    planted = orjson.loads(make_demo_clinic(folder, patients).read_bytes())
    counts = ", ".join(f"{number(count)} {name.replace('_', ' ')}" for name, count in planted["objects"].items())
    dirt = f"{len(planted['dirt'])} kinds and places of dirt planted, from damaged rows to two patients sharing an e-mail"
    teller.chapter("A made-up clinic", counts, dirt, objects=planted["objects"], planted=len(planted["dirt"]))
    return planted


def _prepare(workspace: Workspace, events: Events, teller: _Teller) -> tuple[Profile, FieldMap]:
    profile = scan(workspace, events).profile
    sums = {name: sum(getattr(item, name) for item in profile.objects) for name in ("rows", "staged", "folded", "quarantined")}
    ends = f"{sums['staged']:,} staged, {sums['folded']} folded, {sums['quarantined']} damaged and set apart"
    line = f"{sums['rows']:,} rows in {len(profile.objects)} objects: {ends}"
    teller.chapter("scan", line, _findings(profile.findings), **sums)
    mapping = make_map(workspace, again=False)
    approve(workspace, "map", BY)
    teller.chapter("map, approve map", *_map_lines(mapping), unmapped=len(mapping.unmapped))
    plan = make_plan(workspace, events)
    approve(workspace, "plan", BY)
    accepted = sorted({item.code for item in plan.blocking(())} & KNOWN_BLOCKING)
    accept(workspace, accepted, BY)
    teller.chapter(
        "plan, approve plan",
        *_plan_lines(plan, accepted),
        findings=sorted({item.code for item in plan.findings}),
        accepted=accepted,
    )
    applied = apply_plan(workspace, events)
    state = f"state before noted: fingerprint {applied.before.digest()[:16]}…"
    teller.chapter(
        "apply", f"{len(applied.changes)} schema changes stand, each read back", state, fingerprint=applied.before.digest()
    )
    return profile, mapping


def _map_lines(mapping: FieldMap) -> list[str]:
    fields = sum(len(record.fields) for record in mapping.active().values())
    unmapped = ", ".join(f"{item.object}.{item.field}" for item in mapping.unmapped) or "none"
    return [f"{len(mapping.active())} records, {fields} fields mapped; source fields that go nowhere: {unmapped}"]


def _plan_lines(plan: Plan, accepted: Sequence[str]) -> list[str]:
    writes = sum(item.writes for item in plan.waves)
    lines = [f"{len(plan.schema_changes)} schema changes, {writes:,} records in {max(item.wave for item in plan.waves)} waves"]
    lines.append(_findings(plan.findings))
    if accepted:
        lines.append(f"accepted by {BY}: {', '.join(accepted)} (what it does anyway is listed as a side effect and undone)")
    return lines


def _findings(findings: Sequence[Finding]) -> str:
    told = sorted({item.code for item in findings if item.severity != "info"})
    return f"findings: {', '.join(told) or 'none'}"


def _move(workspace: Workspace, events: Events, teller: _Teller) -> bool:
    """Sample, diff, run; whether the diff was clean."""
    result = load_sample(workspace, SAMPLE, events)
    covered, total = (sum(getattr(item, name) for item in result.sample.coverage) for name in ("covered", "total"))
    rows = sum(item.created for item in result.load.records)
    size = f"{result.sample.size} patients with everything that is theirs, {rows:,} records written"
    shows = f"shows {covered:,} of {total:,} option values, doctors, blanks and extremes"
    teller.chapter("sample", size, shows, rows=rows, covered=covered, of=total)
    diff = diff_sample(workspace, events)
    equal, normalised = (sum(getattr(item, name) for item in diff.fields) for name in ("equal", "normalised"))
    teller.chapter("diff, approve sample", f"{equal:,} fields equal, {normalised:,} normalised by a named rule, "
                   f"{diff.differences_total} different, {diff.rows_missing} rows missing",
                   equal=equal, normalised=normalised, different=diff.differences_total, missing=diff.rows_missing)  # fmt: skip
    approve(workspace, "sample", BY)
    report = run_all(workspace, only=None, without_sample_by=None, events=events)
    counts = {name: sum(getattr(item, name) for item in report.records) for name in ("created", "unchanged", "rejected")}
    stood = f"{counts['unchanged']:,} stood from the sample, {counts['rejected']} rejected"
    teller.chapter("run", f"{counts['created']:,} more records written, {stood}", **counts)
    return diff.clean()


def _verify(workspace: Workspace, events: Events, teller: _Teller) -> Reconciliation:
    proof = verify(workspace, events)
    states: dict[str, int] = {}
    for line in proof.ledger:
        for state, count in line.states.items():
            states[state] = states.get(state, 0) + count
    rows = sum(line.rows for line in proof.ledger)
    ledger = " + ".join(f"{count:,} {state.replace('_', ' ')}" for state, count in states.items() if count)
    sums = [
        f"{total.name}: {total.actual.get('', '0')} in the CRM, {total.expected.get('', '0')} written"
        for total in proof.totals
        if total.kind == "sum"
    ]
    filled, dangling = (sum(getattr(link, name) for link in proof.links) for name in ("filled", "dangling"))
    effects = [f"the CRM's own automation: {_effect(item)}" for item in proof.side_effects]
    verdict = "balanced: nothing is missing, nothing differs" if proof.balanced else "NOT balanced"
    lines = (
        f"{rows:,} source rows = {ledger}",
        *sums,
        f"{filled:,} links, {dangling} dangling",
        *effects,
        *proof.problems,
        verdict,
    )
    teller.chapter("verify", *lines, rows=rows, states=states, balanced=proof.balanced)
    return proof


def _effect(item: SideEffect) -> str:
    what = f"changed in {', '.join(item.fields)}" if item.kind == "changed" else "made"
    return f"{item.rows} {item.object} {what}"


def _undo(workspace: Workspace, events: Events, teller: _Teller) -> RollbackReport:
    report = rollback(workspace, run=None, force=False, events=events)
    lines = [f"{report.removed:,} records removed, {len(report.schema_undone)} schema changes taken back, {report.kept_total} kept"]
    if report.side_effects_total:
        lines.append(f"{report.side_effects_total} side effects of the CRM's own automation undone")
    lines.append("proved: read again, the CRM is as it was before" if report.proved and not report.differences_total else
                 f"{report.differences_total} differences from before")  # fmt: skip
    teller.chapter("rollback", *lines, removed=report.removed, kept=report.kept_total, proved=report.proved)
    return report


def _last_words(proved: bool, found: Reckoning) -> str:
    if not proved:
        return "The migration did not balance, or its rollback was not proved."
    if not found.exact():
        return "Everything balanced and was undone, but what was found is not exactly what was planted."
    return f"Proved: all {len(found.items)} planted things were found and nothing else; moved, balanced, undone, as before."


def _plain(found: Reckoning) -> dict[str, Any]:
    missed = [
        {"kind": item.kind, "place": item.place, "expect": item.expect, "found": item.found}
        for item in found.items
        if not item.good
    ]
    return {"items": len(found.items), "missed": missed, "unplanned": list(found.unplanned), "miscounted": list(found.miscounted)}
