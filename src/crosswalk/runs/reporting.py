"""Keeps what a shell has rendered, and hands over the values behind a diff to whoever asks for them."""

from pathlib import Path

from crosswalk.model.field_diff import FieldDiff
from crosswalk.model.mapping import Mapping
from crosswalk.store.files import write_atomically
from crosswalk.store.mapping_file import read_mapping
from crosswalk.store.sql import literal
from crosswalk.store.workspace import Workspace


def keep_report(workspace: Workspace, name: str, content: bytes) -> Path:
    """Write a rendered report into the workspace's reports/; where it lies."""
    path = workspace.report_path(name)
    write_atomically(path, content)
    return path


def current_map(workspace: Workspace) -> Mapping:
    """The map as it stands, approved or not. Raises UsageError when there is none or it cannot be read."""
    return read_mapping(workspace.mapping_path)


def difference_values(workspace: Workspace, diff: FieldDiff, limit: int) -> list[tuple[str, str, str, str, str, str]]:
    """(record, key, field, verdict, expected, actual) of what differs or is missing. These are patients' values: only for
    somebody who asked (law 8)."""
    source = f"read_parquet({literal(str(workspace.root / diff.values_file))})"
    texts = ", ".join(f"coalesce({name}::VARCHAR, '')" for name in ("record", "key", "field", "verdict", "expected", "actual"))
    with workspace.scratch() as connection:
        query = f"SELECT {texts} FROM {source} WHERE verdict IN ('different', 'missing') ORDER BY ALL LIMIT {limit}"
        return connection.execute(query).fetchall()
