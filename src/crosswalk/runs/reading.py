"""Reads the destination back, object by object: what diff, verify, rollback and the fingerprint look at."""

from collections.abc import Collection
from pathlib import Path

from crosswalk.model.destination_schema import DestinationSchema
from crosswalk.model.mapping import Mapping
from crosswalk.runs.events import Events
from crosswalk.spi.destination import Destination
from crosswalk.stages.read_back import read_back
from crosswalk.store.files import make_folder
from crosswalk.store.workspace import Workspace


async def read_objects(
    workspace: Workspace, name: str, objects: Collection[str], destination: Destination, schema: DestinationSchema, events: Events
) -> dict[str, Path]:
    """Every row, live and soft-deleted, of these objects, as one Parquet file each under `read_back/<name>`."""
    folder = make_folder(workspace.root / "read_back" / name)
    events.step("Reading the destination")
    read_backs: dict[str, Path] = {}
    for done, item in enumerate(sorted(objects)):
        events.progress(f"Reading {item}", done, len(objects), None)
        read_backs[item] = await read_back(destination, item, folder, schema=schema)
    return read_backs


def written_objects(mapping: Mapping, schema: DestinationSchema) -> list[str]:
    """The objects the map writes that the destination has, in order of name."""
    wanted = {record.to for record in mapping.active().values()}
    return sorted(item.name for item in schema.objects if item.name in wanted)
