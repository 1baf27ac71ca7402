"""The few pieces that every SQL text of this room is made of: names and values as SQL writes them."""

from collections.abc import Iterable
from pathlib import Path

from crosswalk.store.files import object_file


def quoted(name: str) -> str:
    """An SQL identifier."""
    return '"' + name.replace('"', '""') + '"'


def literal(text: str) -> str:
    """An SQL text literal."""
    return "'" + text.replace("'", "''") + "'"


def literals(texts: Iterable[str]) -> str:
    """A comma-separated list of SQL text literals; never empty, so that IN () stays valid."""
    return ", ".join(literal(text) for text in texts) or "NULL"


def parquet(path: Path) -> str:
    """SQL that reads a Parquet file of the workspace."""
    return f"read_parquet({literal(str(path))})"


def staged_rows(folder: Path, object_name: str) -> str:
    """SQL of an object's extracted rows but the folded ones: those there are to move."""
    return f"(SELECT * FROM {parquet(object_file(folder, object_name))} WHERE _state = 'staged')"
