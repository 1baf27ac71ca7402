"""A source written for a test, extracted and read back."""

import csv
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import duckdb

from crosswalk.connectors.files.connector import FilesSource
from crosswalk.model.extraction import Extraction
from crosswalk.model.source_schema import SourceObject, SourceSchema
from crosswalk.stages.extract import extract
from crosswalk.store.scratch import open_scratch


@dataclass(frozen=True, slots=True)
class Extracted:
    """What the stage answered, and the rows of its Parquet files in source order."""

    schema: SourceSchema
    extraction: Extraction
    rows: dict[str, list[dict[str, Any]]]
    quarantine: list[dict[str, Any]]


def write_table(path: Path, rows: Sequence[Sequence[str]]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("w", encoding="utf-8", newline="") as file:
        csv.writer(file, quoting=csv.QUOTE_ALL).writerows(rows)


def read_rows(path: Path) -> list[dict[str, Any]]:
    """A Parquet file's rows in order."""
    with duckdb.connect() as connection:
        order = "_row" if not path.name.startswith("_") else "ALL"
        return connection.sql(f"SELECT * FROM read_parquet('{path}') ORDER BY {order}").to_arrow_table().to_pylist()


def extract_table(folder: Path, rows: Sequence[Sequence[str]], **changes: Any) -> Extracted:
    """Extract one table `things`, its key, key_kind or modified set as given."""
    write_table(folder / "export" / "things.csv", rows)
    source = FilesSource(str(folder / "export"))
    found = source.discover()
    things = SourceObject.model_validate(found.objects[0].model_dump() | changes)
    schema = found.model_copy(update={"objects": (things,)})
    raw = folder / "workspace" / "raw"
    raw.mkdir(parents=True, exist_ok=True)
    with open_scratch(folder / "workspace") as connection:
        extraction = extract(source, schema, raw, connection, lambda _name, _rows: None)
    return Extracted(schema, extraction, {"things": read_rows(raw / "things.parquet")}, read_rows(raw / "_quarantine.parquet"))
