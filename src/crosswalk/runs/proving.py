"""verify: read the destination back and prove that every row ended in exactly one counted state (E9)."""

import asyncio

from crosswalk.model.extraction import Extraction
from crosswalk.model.fingerprint import Fingerprint
from crosswalk.model.mapping import Mapping
from crosswalk.model.reconciliation import Reconciliation
from crosswalk.model.staged_writes import StagedWrites
from crosswalk.runs.approvals import applied_plan, approved_mapping
from crosswalk.runs.events import Events
from crosswalk.runs.planning import before_name
from crosswalk.runs.reading import read_objects, written_objects
from crosswalk.runs.registry import open_destination
from crosswalk.stages.reconcile import reconcile
from crosswalk.store.journal import Journal
from crosswalk.store.workspace import Workspace


def verify(workspace: Workspace, events: Events) -> Reconciliation:
    """The reconciliation of this migration. Whoever calls decides what an unbalanced one means (exit 6)."""
    mapping = approved_mapping(workspace)
    _, _, staged = applied_plan(workspace, mapping)
    extraction = workspace.load_required("extraction", Extraction, "scan")
    with workspace.lock(), workspace.journal() as journal:
        proof = asyncio.run(_verify(workspace, mapping, staged, extraction, journal, events))
        journal.record_event("verified", {"proof": proof.digest(), "balanced": proof.balanced})
    workspace.save("reconciliation", proof)
    return proof


async def _verify(
    workspace: Workspace, mapping: Mapping, staged: StagedWrites, extraction: Extraction, journal: Journal, events: Events
) -> Reconciliation:
    config = workspace.config
    async with open_destination(config.destination, config.destination_url) as destination:
        schema = await destination.describe()
        read_backs = await read_objects(workspace, "verify", written_objects(mapping, schema), destination, schema, events)
        events.step("Balancing")
        raw = {item.name: workspace.raw_path(item.name) for item in extraction.objects}
        with workspace.scratch() as connection:
            return reconcile(
                staged, mapping=mapping, extraction=extraction, raw=raw,
                quarantine=workspace.root / "raw" / "_quarantine.parquet", read_backs=read_backs, schema=schema,
                expected=destination.expected, journal=journal, connection=connection, folder=workspace.root,
                before=workspace.load(before_name(journal), Fingerprint),
            )  # fmt: skip
