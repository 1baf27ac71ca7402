"""map: binds the shipped map to the scanned export and writes mapping.yaml for a person to read."""

from crosswalk.model.errors import RefusedError
from crosswalk.model.mapping import Mapping, Settings
from crosswalk.model.profile import Profile
from crosswalk.model.source_schema import SourceSchema
from crosswalk.runs.registry import shipped_map
from crosswalk.stages.naming import renamed
from crosswalk.stages.propose import propose
from crosswalk.store.files import write_atomically
from crosswalk.store.mapping_file import load_yaml, mapping_text, read_mapping
from crosswalk.store.sql import parquet, quoted
from crosswalk.store.workspace import Workspace

OPTIONS = 100
"""A column with more distinct values than this is no list of options."""


def make_map(workspace: Workspace, *, again: bool) -> Mapping:
    """Write mapping.yaml. Raises RefusedError when one is there and `again` is not said: it may hold a person's work.

    Raises UsageError when names are asked for that the shipped map does not let one choose.
    """
    schema = workspace.load_required("source_schema", SourceSchema, "scan")
    profile = workspace.load_required("profile", Profile, "scan")
    path = workspace.mapping_path
    if path.exists() and not again:
        raise RefusedError(f"{path} exists already and may hold your changes", "Edit it, or make it anew: crosswalk map --again.")
    config = workspace.config
    settings = Settings(country=config.country, timezone=config.timezone, currency=config.currency, policy=config.policy)
    with workspace.lock(), workspace.scratch() as connection:

        def distinct(source_object: str, column: str) -> list[str]:
            source = parquet(workspace.raw_path(source_object))
            text = f"trim({quoted(column)})"
            query = f"SELECT DISTINCT {text} FROM {source} WHERE _state = 'staged' AND {text} <> '' ORDER BY 1 LIMIT {OPTIONS + 1}"
            values = [value for (value,) in connection.execute(query).fetchall()]
            return values if len(values) <= OPTIONS else []

        shipped = load_yaml(shipped_map(config.source, config.destination))
        if config.name_prefix or config.name_suffix:
            shipped = renamed(shipped, config.name_prefix, config.name_suffix or "")
        mapping = propose(shipped, schema, profile, settings, distinct)
        write_atomically(path, mapping_text(mapping).encode())
    return read_mapping(path)
