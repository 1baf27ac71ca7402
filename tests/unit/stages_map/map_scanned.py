"""An export scanned and mapped by the shipped map, transformed for a new Twenty workspace: what the clinic tests look at."""

from collections import defaultdict
from collections.abc import Generator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from map_world import Plain, World, leaf

from crosswalk.connectors.twenty.client import TwentyClient
from crosswalk.connectors.twenty.connector import TwentyDestination
from crosswalk.model.destination_schema import DestinationField, DestinationObject, DestinationSchema
from crosswalk.model.mapping import Mapping, Settings
from crosswalk.model.ownership import Owners
from crosswalk.model.profile import Profile
from crosswalk.model.schema_plan import ObjectCreation
from crosswalk.model.source_schema import SourceSchema
from crosswalk.runs.registry import open_source, shipped_map
from crosswalk.stages.discover import discover
from crosswalk.stages.extract import extract
from crosswalk.stages.profile import profile
from crosswalk.stages.propose import Distinct, propose
from crosswalk.stages.sample import choose_sample
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


def begun() -> DestinationSchema:
    """The same with the objects of the shipped map created, and nothing in them but what comes with an object."""
    connector = TwentyDestination(TwentyClient("https://crm.test", "no key"))
    return twenty().with_objects(connector.created_object(ObjectCreation.model_validate(item)) for item in shipped()["objects"])


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
        world = World(root.resolve(), connection, schema or begun())
        source = open_source("pulse", str(folder))
        found = discover(source)
        extraction = extract(source, found, world.raw, connection, lambda _name, _rows: None)
        profiled = profile(found, extraction, world.raw, connection, settings.country)
        mapping = propose(map_shipped or shipped(), found, profiled, settings, distinct_values(world))
        world.stage(mapping, FALLBACK)
        yield Scanned(world, found, profiled, mapping)


def by_key(found: Scanned, record: str) -> dict[str, Plain]:
    """The writes of a record by key."""
    return {row["_key"]: row for row in found.world.rows(record)}


def keys_by_id(found: Scanned, record: str) -> dict[str, str]:
    """Destination id → source key."""
    return {row["_id"]: row["_key"] for row in found.world.rows(record)}


def unaccounted(found: Scanned) -> dict[str, int]:
    """Object → staged source rows that stand in no write."""
    assert found.world.staged
    told: defaultdict[str, set[int]] = defaultdict(set)
    for record in found.world.staged.records:
        for _, name, row in found.world.contributions(record.record):
            told[name].add(row)
    left: dict[str, int] = {}
    for item in found.schema.objects:
        rows = found.world.read(object_file(found.world.raw, item.name), "_row")
        left[item.name] = len({row["_row"] for row in rows if row["_state"] == "staged"} - told[item.name])
    return {name: number for name, number in left.items() if number}


def broken_references(found: Scanned, people: int) -> list[str]:
    """`record.column` of references that lead out of a sample of so many people."""
    staged = found.world.staged
    assert staged
    selection = found.world.root / "selection.parquet"
    choose_sample(found.mapping, staged, people, found.world.root, selection, found.world.connection)
    chosen: defaultdict[str, set[str]] = defaultdict(set)
    for row in found.world.read(selection, "record"):
        chosen[row["record"]].add(row["_key"])
    assert sum(map(len, chosen.values())) >= people
    ids = {item.record: keys_by_id(found, item.record) for item in staged.records}
    return [
        f"{item.record}.{column.path}"
        for item in staged.records
        for row in found.world.rows(item.record)
        if row["_key"] in chosen[item.record]
        for column in item.columns
        if column.reference and row[column.path] and ids[column.reference][row[column.path]] not in chosen[column.reference]
    ]
