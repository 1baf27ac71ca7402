"""An export scanned and mapped by the shipped map, transformed for a new Twenty workspace: what the clinic tests look at."""

from collections.abc import Generator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from map_world import Plain, World, leaf

from crosswalk.model.destination_schema import DestinationField, DestinationObject, DestinationSchema
from crosswalk.model.mapping import Mapping, Settings
from crosswalk.model.ownership import Owners
from crosswalk.model.profile import Profile
from crosswalk.model.source_schema import SourceSchema
from crosswalk.runs.registry import open_source, shipped_map
from crosswalk.stages.discover import discover
from crosswalk.stages.extract import extract
from crosswalk.stages.profile import profile
from crosswalk.stages.propose import Distinct, propose
from crosswalk.store.files import object_file
from crosswalk.store.mapping_file import load_yaml
from crosswalk.store.scratch import open_scratch
from crosswalk.store.sql import parquet, quoted

FALLBACK = Owners(fallback_email="desk@clinic.test", fallback_user_id="00000000-0000-4000-8000-000000000009")


def shipped() -> Plain:
    """The shipped map Pulse → Twenty as plain values."""
    return load_yaml(shipped_map("pulse", "twenty"))


def twenty() -> DestinationSchema:
    """The standard fields of a new workspace that the shipped map writes (facts/twenty.md §6)."""
    own = (leaf("createdAt", "datetime"), leaf("updatedAt", "datetime"), leaf("createdBy.name"))
    targets = (leaf("targetPersonId", "reference"), leaf("targetCompanyId", "reference"))
    objects: dict[str, tuple[DestinationField, ...]] = {
        "companies": (
            leaf("name"), leaf("address.addressStreet1"), leaf("address.addressCity"), leaf("address.addressState"),
            leaf("address.addressPostcode"), leaf("address.addressCountry"),
            leaf("domainName.primaryLinkUrl", "url", unique=True),
        ),
        "people": (
            leaf("name.firstName"), leaf("name.lastName"), leaf("emails.primaryEmail", "email", unique=True),
            leaf("emails.additionalEmails", "list"), leaf("phones.primaryPhoneNumber", "phone"),
            leaf("phones.primaryPhoneCountryCode"), leaf("phones.primaryPhoneCallingCode"),
            leaf("companyId", "reference", to_object="companies"), leaf("jobTitle"),
        ),
        "tasks": (
            leaf("title"), leaf("bodyV2.markdown", "rich_text"), leaf("dueAt", "datetime"),
            leaf("status", "option", options=("TODO", "IN_PROGRESS", "DONE")), leaf("assigneeId", "reference", to_object="members"),
        ),
        "taskTargets": (leaf("taskId", "reference", to_object="tasks"), *targets),
        "notes": (leaf("title"), leaf("bodyV2.markdown", "rich_text")),
        "noteTargets": (leaf("noteId", "reference", to_object="notes"), *targets),
        "attachments": (leaf("name"), leaf("file", "file"), *targets),
    }  # fmt: skip
    return DestinationSchema(
        destination="twenty",
        location="a new workspace",
        objects=tuple(DestinationObject(name=name, singular=name, fields=(*fields, *own)) for name, fields in objects.items()),
    )


def distinct_values(world: World) -> Distinct:
    """The distinct values of a raw column; none where there are too many for options."""

    def distinct(source_object: str, column: str) -> list[str]:
        text, file = f"trim({quoted(column)})", parquet(object_file(world.raw, source_object))
        query = f"SELECT DISTINCT {text} FROM {file} WHERE _state = 'staged' AND {text} <> '' ORDER BY 1 LIMIT 101"
        values = [value for (value,) in world.connection.execute(query).fetchall()]
        return values if len(values) <= 100 else []

    return distinct


@dataclass
class Scanned:
    """A scanned and mapped export; `world` holds its staged writes."""

    world: World
    schema: SourceSchema
    profile: Profile
    mapping: Mapping


@contextmanager
def scanned(
    folder: Path, root: Path, settings: Settings, schema: DestinationSchema | None = None, map_shipped: Plain | None = None
) -> Generator[Scanned]:
    """Scan, map and transform an export in `root`: into a new Twenty workspace unless a schema and its map are given."""
    with open_scratch(root.resolve()) as connection:
        world = World(root.resolve(), connection, schema or twenty())
        source = open_source("pulse", str(folder))
        found = discover(source)
        extraction = extract(source, found, world.raw, connection, lambda _name, _rows: None)
        profiled = profile(found, extraction, world.raw, connection, settings.country)
        mapping = propose(map_shipped or shipped(), found, profiled, settings, distinct_values(world))
        world.stage(mapping, FALLBACK)
        yield Scanned(world, found, profiled, mapping)
