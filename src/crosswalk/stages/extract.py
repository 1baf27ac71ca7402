"""Extract: every row of the source, verbatim as text, into a Parquet stage with its place in the source and its key (A1, A3)."""

from collections.abc import Callable
from pathlib import Path

import duckdb

from crosswalk.model.extraction import ExtractedObject, Extraction
from crosswalk.model.finding import Finding
from crosswalk.model.source_schema import SourceObject, SourceSchema
from crosswalk.spi.source import Source
from crosswalk.stages._extract_files import write_files
from crosswalk.stages._extract_fold import settle_keys
from crosswalk.stages._extract_write import QUARANTINE, ParquetFile, raw_schema, write_rows
from crosswalk.store.files import make_folder, object_file

Progress = Callable[[str, int], None]


def extract(
    source: Source,
    schema: SourceSchema,
    folder: Path,
    connection: duckdb.DuckDBPyConnection,
    progress: Progress,
) -> Extraction:
    """Read every object of the schema into `folder` (the workspace's raw folder; columns in model/extraction.py).

    progress is called with an object's name and its rows so far. Memory does not grow with the number of rows. Raises
    RefusedError when a file has changed since the schema was discovered, UnreachableError when one is gone.
    """
    make_folder(folder)
    quarantine = ParquetFile(folder / "_quarantine.parquet", QUARANTINE)
    objects: list[ExtractedObject] = []
    findings: list[Finding] = []
    for item in schema.objects:
        extracted, found = _extract_object(source, schema, item, folder, quarantine, connection, progress)
        objects.append(extracted)
        findings += found
    quarantine.close()
    attached = write_files(schema, folder, connection, source.attachment)
    _remove_others(folder, {item.name for item in schema.objects})
    return Extraction(
        based_on={"source_schema": schema.digest()},
        objects=tuple(objects),
        sources={file.path: file.sha256 for item in schema.objects for file in item.files},
        attached=attached,
        findings=tuple(findings),
    )


def _extract_object(
    source: Source,
    schema: SourceSchema,
    item: SourceObject,
    folder: Path,
    quarantine: ParquetFile,
    connection: duckdb.DuckDBPyConnection,
    progress: Progress,
) -> tuple[ExtractedObject, tuple[Finding, ...]]:
    path = object_file(folder, item.name)
    file = ParquetFile(path, raw_schema(item))
    counts = write_rows(item, source.read(schema, item.name), file, quarantine, connection, progress)
    digest = file.close()
    folded = settle_keys(item, path, connection)
    extracted = ExtractedObject(
        name=item.name,
        rows=counts.read + counts.damaged,
        staged=counts.read - folded.rows,
        folded=folded.rows,
        quarantined=counts.damaged,
        blank=counts.blank,
        sha256=folded.sha256 or digest,
    )
    return extracted, folded.findings


def _remove_others(folder: Path, names: set[str]) -> None:
    """Files of objects that the source no longer has: nobody may take them for what was just read."""
    kept = {object_file(folder, name) for name in names}
    for path in folder.glob("*.parquet"):
        if not path.stem.startswith("_") and path not in kept:
            path.unlink()
