"""sample, diff and run: one way of loading, with another selection (law 3)."""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from crosswalk.model.errors import UsageError
from crosswalk.model.field_diff import FieldDiff
from crosswalk.model.load_report import LoadProgress, LoadReport
from crosswalk.model.mapping import Mapping
from crosswalk.model.mapping_targets import touched_digest
from crosswalk.model.plan import Applied
from crosswalk.model.sample import Sample
from crosswalk.model.staged_writes import StagedWrites
from crosswalk.runs.approvals import applied_plan, approved_mapping, approved_sample
from crosswalk.runs.events import Events
from crosswalk.runs.planning import refuse_drift
from crosswalk.runs.reading import read_objects
from crosswalk.runs.recovery import noted_run, settle_interrupted
from crosswalk.runs.registry import open_destination, open_source
from crosswalk.stages.compare import compare
from crosswalk.stages.load import load
from crosswalk.stages.sample import choose_sample
from crosswalk.store.entries import RunKind
from crosswalk.store.journal import Journal
from crosswalk.store.sql import literal
from crosswalk.store.workspace import Workspace


@dataclass(frozen=True, slots=True)
class SampleResult:
    """The chosen sample and what loading it did."""

    sample: Sample
    load: LoadReport


def load_sample(workspace: Workspace, size: int, events: Events) -> SampleResult:
    """Choose and load a covering sample; its rows stay as part of the full run.

    Raises RefusedError when the plan is not approved and applied, or the destination has drifted.
    """
    mapping = approved_mapping(workspace)
    _, applied, staged = applied_plan(workspace, mapping)
    with workspace.lock(), workspace.journal() as journal:
        events.step("Choosing the sample")
        with workspace.scratch() as connection:
            selection = workspace.root / "writes" / "sample.parquet"
            sample = choose_sample(mapping, staged, size, workspace.root, selection, connection)
        workspace.save("sample", sample)
        details = {"sample": sample.digest()}
        report = asyncio.run(_load(workspace, mapping, applied, staged, selection, "sample", details, journal, events))
    return SampleResult(sample, report)


def diff_sample(workspace: Workspace, events: Events) -> FieldDiff:
    """Read the sample's rows back from the destination and compare them with what was meant, field by field (E5)."""
    mapping = approved_mapping(workspace)
    _, _, staged = applied_plan(workspace, mapping)
    sample = workspace.load_required("sample", Sample, "sample")
    with workspace.lock(), workspace.journal() as journal:
        diff = asyncio.run(_diff(workspace, staged, workspace.root / sample.selection, journal, events))
    workspace.save("diff", diff)
    return diff


async def _diff(workspace: Workspace, staged: StagedWrites, selection: Path, journal: Journal, events: Events) -> FieldDiff:
    config = workspace.config
    async with open_destination(config.destination, config.destination_url) as destination:
        schema = await destination.describe()
        objects = {record.object for record in staged.records}
        read_backs = await read_objects(workspace, "diff", objects, destination, schema, events)
        events.step("Comparing")
        with workspace.scratch() as connection:
            return compare(
                staged, selection, read_backs, schema=schema, expected=destination.expected, journal=journal,
                connection=connection, folder=workspace.root,
            )  # fmt: skip


def run_all(workspace: Workspace, *, only: str | None, without_sample_by: str | None, events: Events) -> LoadReport:
    """Load everything that does not stand yet; after a crash: the rest.

    Raises RefusedError unless map, plan and sample are approved (or `without_sample_by` names who goes without one).
    """
    mapping = approved_mapping(workspace)
    _, applied, staged = applied_plan(workspace, mapping)
    if without_sample_by is None:
        approved_sample(workspace, staged)
    with workspace.lock(), workspace.journal() as journal:
        if without_sample_by is not None:
            journal.record_event("without_sample", {"by": without_sample_by})
        selection = _only(workspace, mapping, staged, only) if only else None
        details = {name: value for name, value in (("only", only), ("without_sample_by", without_sample_by)) if value}
        report = asyncio.run(_load(workspace, mapping, applied, staged, selection, "full", details, journal, events))
    workspace.save("load", report)
    return report


def _only(workspace: Workspace, mapping: Mapping, staged: StagedWrites, only: str) -> Path:
    """A selection of the records that are called so, or write the object that is."""
    chosen = [item for item in staged.records if only in (item.record, item.object, mapping.records[item.record].title)]
    if not chosen:
        raise UsageError(f"--only {only}: the map has no such record or object", f"Say one of: {', '.join(mapping.active())}.")
    selection = workspace.root / "writes" / "only.parquet"
    rows = " UNION ALL ".join(
        f"SELECT {literal(item.record)} AS record, _key FROM read_parquet({literal(str(workspace.root / item.file))})"
        for item in chosen
    )
    with workspace.scratch() as connection:
        connection.execute(f"COPY ({rows}) TO {literal(str(selection))} (FORMAT parquet)")
    return selection


async def _load(
    workspace: Workspace, mapping: Mapping, applied: Applied, staged: StagedWrites, selection: Path | None, kind: RunKind,
    details: dict[str, str], journal: Journal, events: Events,
) -> LoadReport:  # fmt: skip
    """Load a selection, or everything. `details` are noted with the run, beside the artefacts it is based on."""
    config = workspace.config
    based_on = {"staged": staged.digest(), "plan": applied.based_on["plan"]}
    source = open_source(config.source, config.source_location)
    async with open_destination(config.destination, config.destination_url) as destination:
        schema = await destination.describe()
        refuse_drift(applied.schema_digest, touched_digest(mapping, schema))
        with workspace.scratch() as connection:
            await settle_interrupted(destination, journal, folder=workspace.root, connection=connection, schema=schema)
            events.step("Loading")
            with noted_run(journal, kind, config.migration_id, based_on | details) as run:
                return await load(
                    staged, selection, destination=destination, journal=journal, run=run.id, marker=config.migration_id,
                    schema=schema, connection=connection, folder=workspace.root, attachment=source.attachment,
                    progress=_told(events),
                )  # fmt: skip


def _told(events: Events) -> Callable[[LoadProgress], None]:
    def tell(progress: LoadProgress) -> None:
        events.progress(f"Loading {progress.record}", progress.done, progress.total, progress.eta_seconds)

    return tell
