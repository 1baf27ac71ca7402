"""init, scan, map and approve: from a folder of files to a map that a person has approved."""

from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from crosswalk.cli.session import Answer, session_of
from crosswalk.cli.verbs.planning import Accept, accept_findings
from crosswalk.cli.views.blocks import Heading, Note
from crosswalk.cli.views.mapping import mapping_view
from crosswalk.cli.views.source import scan_view
from crosswalk.model.errors import UsageError

# Engine modules are imported inside the verbs: they take seconds, and --help must not.


class Policy(StrEnum):
    """What happens to rows that stand in the destination already."""

    link = "link"
    update = "update"
    skip = "skip"


class Subject(StrEnum):
    """What can be approved."""

    map = "map"
    plan = "plan"
    sample = "sample"


OPTIONS = {"source_location": "--from", "destination": "--to", "destination_url": "--url"}
"""Keys of crosswalk.toml whose option of `init` has another name."""


def _option(key: str) -> str:
    return OPTIONS.get(key) or f"--{key.replace('_', '-')}"


By = Annotated[str, typer.Option("--by", metavar="NAME", help="Your name; it is recorded.")]


def init(
    context: typer.Context,
    folder: Annotated[Path, typer.Argument(metavar="DIR", help="A new folder for this migration.")],
    source: Annotated[str, typer.Option("--source", help="The platform that is left.")],
    location: Annotated[str, typer.Option("--from", metavar="PATH|URL", help="The export's folder or workbook.")],
    destination: Annotated[str, typer.Option("--to", help="The CRM that is moved to.")],
    url: Annotated[str, typer.Option("--url", help="Where that CRM answers.")],
    fallback_owner: Annotated[
        str | None, typer.Option("--fallback-owner", metavar="EMAIL", help="Gets the records whose owner is not found.")
    ] = None,
    country: Annotated[str, typer.Option("--country", metavar="CC", help="Country of phone numbers without one.")] = "US",
    timezone: Annotated[
        str, typer.Option("--timezone", metavar="ZONE", help="Time zone of the source's times.")
    ] = "America/New_York",
    currency: Annotated[str, typer.Option("--currency", metavar="CUR", help="Currency of amounts without one.")] = "USD",
    policy: Annotated[
        Policy, typer.Option("--policy", help="Rows that stand in the CRM already: tie to them, change them, leave them.")
    ] = Policy.link,
    name_prefix: Annotated[
        str | None, typer.Option("--name-prefix", metavar="TEXT", help="Begins the names of what is created (dynamics: pulse).")
    ] = None,
    name_suffix: Annotated[
        str | None, typer.Option("--name-suffix", metavar="TEXT", help="Ends the names of what is created.")
    ] = None,
    migration_id: Annotated[
        str | None,
        typer.Option(
            "--migration-id", metavar="ID", help="Names this migration; every id in the CRM derives from it. Default: a new one."
        ),
    ] = None,
) -> int:
    """Begin a migration: writes DIR/crosswalk.toml.

    **Needs** nothing but the names; no connection is made and no secret is asked for: credentials come from the environment
    (twenty: CROSSWALK_TWENTY_API_KEY; dynamics: CROSSWALK_DYNAMICS_TENANT_ID, _CLIENT_ID and _CLIENT_SECRET).

    **Changes** nothing but DIR.

    **Example** `crosswalk init clinic --source pulse --from export/ --to twenty --url https://crm.example.org
    --fallback-owner frontdesk@example.org --country IN --timezone Asia/Kolkata --currency INR`

    **Exits** 0; 2 when a setting is wrong or a migration lives in DIR already.
    """
    from crosswalk.runs.workspaces import create_workspace

    session = session_of(context)
    if "://" not in location:
        location = str(Path(location).expanduser().resolve())
    workspace = create_workspace(
        session.root / folder, source=source, source_location=location, destination=destination, destination_url=url,
        fallback_owner=fallback_owner, country=country.upper(), timezone=timezone, currency=currency.upper(), policy=policy.value,
        migration_id=migration_id, name_prefix=name_prefix, name_suffix=name_suffix, named=_option,
    )  # fmt: skip
    session.folder = session.root / folder
    written = workspace.root / "crosswalk.toml"
    settings = workspace.config.model_dump(mode="json")
    shown = [Heading(f"A migration from {source} to {destination} begins in {workspace.root}"), Note(f"Settings: {written}")]
    document = {"folder": str(workspace.root), "config": str(written), "settings": settings}
    return session.answer(Answer("init", document, shown, "scan", "reads the export and shows what is in it"))


def scan(context: typer.Context) -> int:
    """Read the export: which records there are and what they look like.

    Finds delimiter, encoding and headers by itself, recognises the objects, sets damaged rows apart (file, line and reason are
    kept), folds duplicates, finds keys, relations and orphans. Nothing is corrected: every cell is kept as it stands.

    **Needs** `crosswalk init`.

    **Changes** nothing outside the migration's folder. Writes the profile as JSON and as an HTML report without patients' values.

    **Example** `crosswalk -C clinic scan`

    **Exits** 0, also with findings (they are listed and counted again in plan and verify); 4 when the export cannot be read.
    """
    from crosswalk.runs.inspecting import status
    from crosswalk.runs.scanning import scan as scan_source

    session = session_of(context)
    workspace = session.workspace()
    with session.events() as events:
        result = scan_source(workspace, events)
    shown = [*scan_view(result.schema, result.profile), Note(f"Profile: {result.report} and {result.profile_path}")]
    document = {
        "objects": [item.model_dump(mode="json") for item in result.profile.objects],
        "findings": [item.model_dump(mode="json") for item in result.profile.findings],
        "not_exportable": list(result.schema.not_exportable),
        "ignored": [{"path": path, "reason": reason} for path, reason in result.schema.ignored],
        "profile": str(result.profile_path),
        "report": str(result.report),
    }
    step: tuple[str | None, str] = ("map", "proposes what becomes what")
    if workspace.mapping_path.exists():
        stands = status(workspace)
        step = (stands.next_step, stands.why)
    return session.answer(Answer("scan", document, shown, *step))


def map_source(
    context: typer.Context,
    again: Annotated[bool, typer.Option("--again", help="Make mapping.yaml anew; changes made in it are lost.")] = False,
) -> int:
    """Propose the map: what becomes what, as mapping.yaml to read, edit and approve.

    The shipped map of the pair is bound to the headers that are really in the export; what it does not know is listed as
    unmapped, with the reason. Every word of the file is explained in docs/guides/mapping.md.

    **Needs** `crosswalk scan`.

    **Changes** nothing but mapping.yaml. An existing one is kept unless you say --again.

    **Example** `crosswalk -C clinic map`

    **Exits** 0; 3 when mapping.yaml is there already.
    """
    from crosswalk.runs.mapping import make_map

    session = session_of(context)
    workspace = session.workspace()
    mapping = make_map(workspace, again=again)
    document = {
        "mapping": str(workspace.mapping_path),
        "digest": mapping.digest(),
        "records": {
            name: {"from": record.from_, "to": record.to, "fields": sorted(record.fields)}
            for name, record in mapping.active().items()
        },
        "unmapped": [item.model_dump(mode="json") for item in mapping.unmapped],
        "notes": list(mapping.notes),
    }
    shown = mapping_view(mapping, str(workspace.mapping_path))
    return session.answer(Answer("map", document, shown, 'approve --by "Your Name" map', "once you have read mapping.yaml"))


AFTER = {
    "map": ("plan", "shows everything that would happen"),
    "plan": ("apply", "makes the destination's schema ready"),
    "sample": ("run", "migrates everything"),
}


def approve(
    context: typer.Context,
    what: Annotated[Subject, typer.Argument(metavar="map|plan|sample", help="What you have looked at and stand by.")],
    by: By,
    accept: Accept = None,
) -> int:
    """Approve the map, the plan or the sample, by name.

    The approval holds for exactly what stands there now (its digest): any later edit closes the gate again until somebody
    approves anew. It is recorded in the journal.

    Blocking findings of the plan may be taken on in the same breath: `--accept CODE`, recorded under the same name.

    **Needs** what is approved: `map`, `plan`, or `sample` and `diff`.

    **Changes** nothing in the destination.

    **Example** `crosswalk -C clinic approve --by "Ann Iyer" map`

    **Exits** 0; 2 without a name; 3 when there is nothing to approve yet.
    """
    from crosswalk.runs.approvals import approve as approve_as

    session = session_of(context)
    if not by.strip():
        raise UsageError("An approval needs the name of the person who gives it", 'Say who: --by "Your Name".')
    accept_findings(session, accept, by)
    approval = approve_as(session.workspace(), what.value, by)
    shown = [Heading(f"{approval.by} approved the {approval.what} at {approval.at}", "good"), Note(f"Digest {approval.digest}")]
    step, why = AFTER[what.value]
    return session.answer(Answer("approve", approval.model_dump(mode="json"), shown, step, why))
