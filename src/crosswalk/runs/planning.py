"""plan and apply: everything that will happen, shown and approved before it does (E1–E3)."""

import asyncio
from collections import Counter
from collections.abc import Collection
from dataclasses import astuple, dataclass
from datetime import UTC, datetime

import duckdb

from crosswalk.model.artefact import digest_of
from crosswalk.model.destination_schema import DestinationSchema
from crosswalk.model.errors import RefusedError
from crosswalk.model.extraction import Extraction
from crosswalk.model.finding import Finding
from crosswalk.model.fingerprint import Fingerprint
from crosswalk.model.mapping import Mapping
from crosswalk.model.mapping_targets import touched_digest
from crosswalk.model.ownership import Matches, Owners
from crosswalk.model.plan import Applied, Estimate, Plan, Wave
from crosswalk.model.profile import Profile
from crosswalk.model.schema_plan import SchemaChange
from crosswalk.model.staged_writes import StagedWrites
from crosswalk.runs.approvals import approved_mapping, approved_plan
from crosswalk.runs.events import Events
from crosswalk.runs.reading import read_objects, written_objects
from crosswalk.runs.recovery import noted_run, settle_interrupted
from crosswalk.runs.registry import open_destination
from crosswalk.spi.destination import Destination
from crosswalk.stages.fingerprint import fingerprint
from crosswalk.stages.match import match
from crosswalk.stages.owners import resolve_owners
from crosswalk.stages.preflight import preflight
from crosswalk.stages.schema import apply_schema, plan_schema
from crosswalk.stages.transform import Identity, transform
from crosswalk.store.files import write_atomically
from crosswalk.store.journal import Journal
from crosswalk.store.workspace import Workspace


@dataclass(frozen=True, slots=True)
class ApplyResult:
    """The schema changes that stand now, and the state the destination had before the first of them."""

    changes: tuple[SchemaChange, ...]
    before: Fingerprint


def make_plan(workspace: Workspace, events: Events) -> Plan:
    """Transform everything, look at the destination, and write down what would happen. Changes nothing there.

    Raises RefusedError when the map is not approved or the scan is newer than it.
    """
    mapping = approved_mapping(workspace)
    profile = workspace.load_required("profile", Profile, "scan")
    extraction = workspace.load_required("extraction", Extraction, "scan")
    with workspace.lock(), workspace.journal() as journal, workspace.scratch() as connection:
        plan = asyncio.run(_plan(workspace, mapping, profile, extraction, journal, connection, events))
        workspace.save("plan", plan)
        journal.record_event("planned", {"plan": plan.digest(), "map": mapping.digest()})
    return plan


async def _plan(
    workspace: Workspace, mapping: Mapping, profile: Profile, extraction: Extraction, journal: Journal,
    connection: duckdb.DuckDBPyConnection, events: Events,
) -> Plan:  # fmt: skip
    config = workspace.config
    raw = workspace.root / "raw"
    identity = Identity(config.migration_id, journal.generation(), datetime.now(UTC).year)
    async with open_destination(config.destination, config.destination_url) as destination:
        events.step("Describing the destination")
        schema = await destination.describe()
        begun = schema.with_objects(destination.created_object(item) for item in mapping.objects)
        planned = plan_schema(mapping, schema, begun)
        changes = planned.changes
        owners, owner_findings = resolve_owners(mapping, raw, await destination.users(), config.fallback_owner, connection)
        events.step("Transforming")
        staged = _staged(workspace, mapping, begun, extraction, identity, owners, Matches(), connection, events)
        events.step("Looking for rows that stand there already")
        existing = {item.name: {field.path for field in item.fields} for item in schema.objects}
        matches, match_findings = await match(mapping, staged, destination, existing, workspace.root, connection)
        if matches.matches:
            staged = _staged(workspace, mapping, begun, extraction, identity, owners, matches, connection, events)
        events.step("Checking")
        probed = await destination.probe(_written(staged), mapping.settings.currency)
        checked = preflight(mapping, staged, begun, destination.capabilities, workspace.root, connection)
        scanned = tuple(
            _blocking_if_absent(item) for item in profile.findings if item.severity != "info" and item.code != "doctor_email_shared"
        )
        findings = (*planned.findings, *owner_findings, *match_findings, *probed, *checked, *scanned)
        for name, artefact in (("staged", staged), ("owners", owners), ("matches", matches)):
            workspace.save(name, artefact)
        return Plan(
            destination=f"{config.destination} {config.destination_url}",
            schema_changes=changes,
            schema_digest=touched_digest(mapping, schema, created_fields(changes)),
            staged_digest=staged.digest(),
            waves=_waves(mapping, staged),
            findings=tuple(sorted(findings, key=_by_severity)),
            not_restorable=destination.capabilities.not_restorable,
            estimate=_estimate(staged, destination),
            based_on={
                "mapping": mapping.digest(),
                "extraction": extraction.content_digest(),
                "staged": staged.digest(),
                "owners": owners.digest(),
                "generation": str(identity.generation),
            },
        )


def _staged(
    workspace: Workspace, mapping: Mapping, schema: DestinationSchema, extraction: Extraction, identity: Identity, owners: Owners,
    matches: Matches, connection: duckdb.DuckDBPyConnection, events: Events,
) -> StagedWrites:  # fmt: skip
    """The staged writes of these inputs, made once: what the journal points to must never change under it."""
    extracted = extraction.content_digest()
    inputs = [mapping.digest(), extracted, owners.digest(), matches.digest(), *astuple(identity)]
    folder = workspace.writes_folder(digest_of(inputs)[:16])
    done = folder / "staged.json"
    if done.exists():
        return StagedWrites.model_validate_json(done.read_bytes())

    def progress(record: str) -> None:
        events.progress(f"Transforming {record}", 0, None, None)

    staged = transform(
        mapping, schema, workspace.root / "raw", folder, workspace.root, identity, owners, matches, connection, progress,
        extracted,
    )  # fmt: skip
    write_atomically(done, staged.model_dump_json(by_alias=True).encode())
    return staged


def apply_plan(workspace: Workspace, events: Events) -> ApplyResult:
    """Create what the approved plan lists, after noting the state the destination has now.

    Raises RefusedError when map or plan are not approved, a blocking finding stands, or the destination has drifted.
    """
    mapping = approved_mapping(workspace)
    plan = approved_plan(workspace, mapping)
    with workspace.lock(), workspace.journal() as journal:
        return asyncio.run(_apply(workspace, mapping, plan, journal, events))


async def _apply(workspace: Workspace, mapping: Mapping, plan: Plan, journal: Journal, events: Events) -> ApplyResult:
    config = workspace.config
    async with open_destination(config.destination, config.destination_url) as destination:
        events.step("Describing the destination")
        schema = await destination.describe()
        refuse_drift(plan.schema_digest, touched_digest(mapping, schema, created_fields(plan.schema_changes)))
        with workspace.scratch() as connection:
            await settle_interrupted(destination, journal, folder=workspace.root, connection=connection, schema=schema)
            before = await _before(workspace, mapping, destination, schema, journal, connection, events)
        events.step(f"Applying {len(plan.schema_changes)} schema changes")
        with noted_run(journal, "apply", config.migration_id, {"plan": plan.digest()}) as run:
            schema = await apply_schema(plan.schema_changes, destination=destination, journal=journal, run=run.id, schema=schema)
    workspace.save(
        "applied",
        Applied(schema_digest=touched_digest(mapping, schema), changes=plan.schema_changes, based_on={"plan": plan.digest()}),
    )
    return ApplyResult(plan.schema_changes, before)


async def _before(
    workspace: Workspace, mapping: Mapping, destination: Destination, schema: DestinationSchema, journal: Journal,
    connection: duckdb.DuckDBPyConnection, events: Events,
) -> Fingerprint:  # fmt: skip
    """The destination's fingerprint before this generation's first change, so that undo has a state to prove: taken once per
    object, right before the first apply of a map that writes it."""
    name = before_name(journal)
    known = workspace.load(name, Fingerprint)
    wanted = written_objects(mapping, schema) if known is None else _not_noted(known, mapping, schema, journal)
    if known is not None and not wanted:
        return known
    read_backs = await read_objects(workspace, name, wanted, destination, schema, events)
    found = await fingerprint(destination, read_backs, schema=schema, workspace=workspace.root, connection=connection)
    before = found if known is None else known.with_objects(found.objects)
    workspace.save(name, before)
    return before


def _not_noted(known: Fingerprint, mapping: Mapping, schema: DestinationSchema, journal: Journal) -> list[str]:
    """Objects that stood when the state was noted, that the map came to write only later, and that hold nothing of ours yet."""
    ours = {mapping.records[record].to for record, _ in journal.counts() if record in mapping.records}
    return [
        name
        for name in written_objects(mapping, schema)
        if name in known.schema_objects and known.object(name) is None and name not in ours
    ]


def before_name(journal: Journal) -> str:
    """The artefact that holds the destination's state before this generation wrote anything."""
    return f"before-{journal.generation()}"


def last_before(workspace: Workspace, journal: Journal) -> Fingerprint | None:
    """The newest state noted before a migration wrote anything: this generation's, else an earlier one."""
    names = (f"before-{generation}" for generation in range(journal.generation(), 0, -1))
    return next((found for name in names if (found := workspace.load(name, Fingerprint))), None)


def refuse_drift(expected: str, found: str) -> None:
    """Raise RefusedError when what the map touches in the destination is not as it was when the plan was made."""
    if expected != found:
        raise RefusedError(
            "The destination's schema has changed since the plan was made, in fields that the map touches",
            "Run crosswalk plan again, look at it, approve and apply it.",
        )


def created_fields(changes: Collection[SchemaChange]) -> set[tuple[str, str]]:
    """(object, field) of everything the changes create; (object, "") for a whole object."""
    return {(item.object, "" if item.operation == "create_object" else item.name) for item in changes}


def _waves(mapping: Mapping, staged: StagedWrites) -> tuple[Wave, ...]:
    return tuple(
        Wave(
            wave=item.wave, record=item.record, object=item.object, title=mapping.records[item.record].title or item.record,
            writes=item.states.get("ready", 0) + item.states.get("existing", 0), rejected=item.states.get("rejected", 0),
            matched=item.states.get("matched", 0),
        )
        for item in sorted(staged.records, key=lambda one: (one.wave, one.record))
    )  # fmt: skip


def _written(staged: StagedWrites) -> dict[str, int]:
    """Object → how many of its records this migration will create or change."""
    written: Counter[str] = Counter()
    for item in staged.records:
        written[item.object] += item.states.get("ready", 0) + item.states.get("existing", 0)
    return dict(written)


def _estimate(staged: StagedWrites, destination: Destination) -> Estimate:
    """Requests to write everything once, and to read it back, at the limit felt so far."""
    size = destination.capabilities.batch_size
    changes = destination.capabilities.update_size
    writes = sum(-(-item.states.get("ready", 0) // size) + -(-item.states.get("existing", 0) // changes) for item in staged.records)
    rate = destination.traffic().requests_per_minute or destination.capabilities.assumed_requests_per_minute
    return Estimate(requests=writes, requests_per_minute=rate, seconds=60 * writes / rate)


def _blocking_if_absent(finding: Finding) -> Finding:
    """An object that rows refer to and that the export lacks is news at the scan; before writing somebody has to decide."""
    return finding.model_copy(update={"severity": "blocking"}) if finding.code == "object_absent" else finding


def _by_severity(finding: Finding) -> tuple[int, str, str]:
    return {"blocking": 0, "warning": 1, "info": 2}[finding.severity], finding.code, finding.object or ""
