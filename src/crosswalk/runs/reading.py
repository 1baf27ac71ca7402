"""Reads the destination back, object by object, for diff, verify and status."""

from pathlib import Path

from crosswalk.model.staged_writes import StagedWrites
from crosswalk.runs.events import Events
from crosswalk.spi.destination import Destination
from crosswalk.stages.read_back import read_back
from crosswalk.store.workspace import Workspace


async def read_objects(workspace: Workspace, destination: Destination, staged: StagedWrites, events: Events) -> dict[str, Path]:
    """Every live row of every object the map writes, as one Parquet file per object."""
    folder = workspace.root / "read_back"
    folder.mkdir(exist_ok=True, mode=0o700)
    objects = sorted({record.object for record in staged.records})
    events.step("Reading the destination back")
    read_backs: dict[str, Path] = {}
    for done, name in enumerate(objects):
        events.progress(f"Reading {name}", done, len(objects), None)
        read_backs[name] = await read_back(destination, name, folder, deleted=False)
    return read_backs
