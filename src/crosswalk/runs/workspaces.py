"""Makes and opens a migration's workspace."""

import uuid
from collections.abc import Callable
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from crosswalk.model.errors import UsageError
from crosswalk.runs.registry import check_address, destination_names, source_names
from crosswalk.store.config import Config, problems
from crosswalk.store.workspace import Workspace


def create_workspace(
    root: Path, *, migration_id: str | None = None, named: Callable[[str], str] = str, **settings: Any
) -> Workspace:
    """A new workspace. `settings` are the fields of Config, migration_id aside (one is made up when None).

    Raises UsageError when a setting is wrong (`named` says how it is called where it was given) or a migration lives in the folder
    already.
    """
    try:
        config = Config(migration_id=migration_id or str(uuid.uuid4()), **settings)
    except ValidationError as error:
        words = problems(error, named)
        raise UsageError(f"These settings are not valid: {words}", "Correct them; see crosswalk init --help.") from None
    for kind, name, known in (("source", config.source, source_names()), ("destination", config.destination, destination_names())):
        if name not in known:
            raise UsageError(f"{name} is no {kind} we know", f"Known: {', '.join(known)}.")
    check_address(config.destination, config.destination_url, named("destination_url"))
    return Workspace.create(root, config)


def open_workspace(root: Path) -> Workspace:
    """The workspace in a folder. Raises UsageError when there is none."""
    return Workspace.open(root)
