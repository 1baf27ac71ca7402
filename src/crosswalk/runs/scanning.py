"""scan: discover, extract and profile the source."""

from dataclasses import dataclass
from pathlib import Path

from crosswalk.model.extraction import Extraction
from crosswalk.model.profile import Profile
from crosswalk.model.source_schema import SourceSchema
from crosswalk.runs.events import Events
from crosswalk.runs.registry import open_source
from crosswalk.stages.discover import discover
from crosswalk.stages.extract import extract
from crosswalk.stages.profile import profile
from crosswalk.stages.profile_report import profile_html
from crosswalk.store.files import make_folder, write_atomically
from crosswalk.store.workspace import Workspace


@dataclass(frozen=True, slots=True)
class ScanResult:
    """What the source holds, and where its report lies."""

    schema: SourceSchema
    extraction: Extraction
    profile: Profile
    report: Path
    profile_path: Path


def scan(workspace: Workspace, events: Events) -> ScanResult:
    """Read everything the source has into the workspace and profile it. Raises UnreachableError, UsageError (no records)."""
    config = workspace.config
    source = open_source(config.source, config.source_location)
    with workspace.lock(), workspace.journal() as journal, workspace.scratch() as connection:
        events.step("Finding the records")
        schema = discover(source)
        events.step("Reading them")
        raw = make_folder(workspace.root / "raw")
        # Were the reading interrupted, an older extraction would speak for rows that are no longer there.
        workspace.withdraw("extraction")
        extraction = extract(
            source, schema, raw, connection, lambda name, rows: events.progress(f"Reading {name}", rows, None, None)
        )
        events.step("Profiling them")
        profiled = profile(schema, extraction, raw, connection, config.country)
        for name, artefact in (("source_schema", schema), ("extraction", extraction), ("profile", profiled)):
            workspace.save(name, artefact)
        report = workspace.report_path("scan.html")
        write_atomically(report, profile_html(profiled, schema, extraction).encode())
        journal.record_event("scanned", {"extraction": extraction.digest()})
    return ScanResult(schema, extraction, profiled, report, workspace.root / "artefacts" / "profile.json")
