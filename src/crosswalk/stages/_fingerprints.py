"""Making and comparing fingerprints: shared by the stage of that name and rollback's proof."""

import hashlib
from collections.abc import Sequence
from pathlib import Path

import duckdb

from crosswalk.model.artefact import digest_of
from crosswalk.model.destination_schema import DestinationObject, DestinationSchema
from crosswalk.model.fingerprint import Fingerprint, ObjectDifference, ObjectFingerprint
from crosswalk.spi.destination import DestinationReader
from crosswalk.store.staging_files import count_rows, ordered_fingerprints, row_differences


async def fingerprint(
    destination: DestinationReader, read_backs: dict[str, Path], *, schema: DestinationSchema, workspace: Path,
    connection: duckdb.DuckDBPyConnection,
) -> Fingerprint:  # fmt: skip
    """The state of the objects in `read_backs` (object → the Parquet of its live and deleted rows) and of the whole schema,
    which was just described."""
    objects = tuple(_of_object(name, path, workspace, connection) for name, path in sorted(read_backs.items()))
    described = {item.name: _schema_digest(item) for item in schema.objects}
    return Fingerprint(
        schema_digest=digest_of(described),
        schema_objects=described,
        objects=objects,
        left_out=(*destination.capabilities.not_fingerprinted, "fields marked computed: the platform keeps them itself"),
    )


def _of_object(name: str, path: Path, workspace: Path, connection: duckdb.DuckDBPyConnection) -> ObjectFingerprint:
    whole = hashlib.sha256()
    for part in ordered_fingerprints(connection, path):
        whole.update(part)
    live, deleted = count_rows(connection, path)
    return ObjectFingerprint(
        object=name, live=live, deleted=deleted, digest=whole.hexdigest(), rows_file=str(path.relative_to(workspace))
    )


def _schema_digest(described: DestinationObject) -> str:
    content = described.model_dump(mode="json")
    content["fields"] = sorted(content["fields"], key=lambda leaf: leaf["path"])
    return digest_of(content)


def difference(
    before: Fingerprint, after: Fingerprint, *, workspace: Path, connection: duckdb.DuckDBPyConnection
) -> Sequence[ObjectDifference]:
    """What differs, object by object; rows named by id from the read-backs both fingerprints keep."""
    found: list[ObjectDifference] = []
    for name in sorted({*before.schema_objects, *after.schema_objects}):
        if before.schema_objects.get(name) != after.schema_objects.get(name):
            found.append(ObjectDifference(object=name, kind="schema"))
    for name in sorted({item.object for item in (*before.objects, *after.objects)}):
        old, new = before.object(name), after.object(name)
        if old is not None and new is not None and old.digest == new.digest:
            continue
        files = [workspace / item.rows_file if item is not None else None for item in (old, new)]
        for kind, ids in row_differences(connection, files[0], files[1]).items():
            found.append(ObjectDifference(object=name, kind=kind, ids=ids))
    return found
