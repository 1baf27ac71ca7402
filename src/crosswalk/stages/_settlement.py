"""Judging by reading: did a request that was never answered change the destination? (law 4)

Shared by load (a lost answer), settle (a killed process) and rollback. Everything here only looks.
"""

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from typing import TypeVar

import orjson

from crosswalk.model.destination_schema import DestinationObject, DestinationSchema
from crosswalk.model.record import Row
from crosswalk.model.values import Value, Values
from crosswalk.spi.destination import DestinationReader
from crosswalk.store.entries import Outcome

T = TypeVar("T")
Normalise = Callable[[str, Value], Value]
"""What a canonical value of a leaf path reads back as."""
LATE = "its document had not arrived"
"""Why a write whose answer was lost is sent again."""


def slices(items: Sequence[T], size: int) -> Iterator[Sequence[T]]:
    """The items in runs of at most `size`."""
    for start in range(0, len(items), size):
        yield items[start : start + size]


def filled(values: Values) -> Values:
    """The values without those that are nothing: absent and None mean the same."""
    return {path: value for path, value in values.items() if value is not None}


def normaliser(destination: DestinationReader, described: DestinationObject | None) -> Normalise:
    """`destination.expected` by path; a path the schema does not know reads back as it is."""
    leaves = {leaf.path: leaf for leaf in described.fields} if described else {}

    def normalise(path: str, value: Value) -> Value:
        leaf = leaves.get(path)
        return value if leaf is None or value is None else destination.expected(leaf, value).value

    return normalise


def computed_paths(schema: DestinationSchema, object_name: str) -> frozenset[str]:
    """The leaf paths of an object that the platform itself keeps."""
    described = schema.object(object_name)
    return frozenset(leaf.path for leaf in described.fields if leaf.computed) if described else frozenset()


async def fetched(destination: DestinationReader, object_name: str, ids: Sequence[str]) -> dict[str, Row]:
    """The rows that exist (live or soft-deleted), by id, asked in slices the destination allows."""
    found: dict[str, Row] = {}
    for part in slices(ids, destination.capabilities.read_size):
        for row in await destination.fetch(object_name, part):
            found[row.id] = row
    return found


def names_file(stored: Value, name: Value) -> bool:
    """A file field's stored value is of the file with that name."""
    return isinstance(name, str) and stored is not None and orjson.dumps(name) in orjson.dumps(stored)


def late_files(wanted: Values, stored: Values, paths: Collection[str]) -> list[str]:
    """Of the file fields `paths`, those that do not hold yet what they are to: a file of that name, that very value, nothing."""
    return [path for path in paths if stored.get(path) != wanted.get(path) and not names_file(stored.get(path), wanted.get(path))]


def judged_create(
    wanted: Values, found: bool, row: Row | None, markers: Collection[str], normalise: Normalise, files: Collection[str] = ()
) -> Outcome:
    """What came of a create, from the row that stands under its id.

    Ours when it carries a marker of ours or holds exactly what we sent. The after-image is what we sent (as the platform
    rewrites it) over what was read, so that an edit made in the meantime stays visible as an edit. A row whose document
    (`files`: the paths; a mere name stands for it before the upload) had not arrived is not there yet: it is created again.
    """
    if row is None:
        return Outcome("absent")
    if any(wanted.get(path) is not None and row.values.get(path) is None for path in files):
        return Outcome("absent", message=LATE)
    sent = {
        path: normalise(path, value) for path, value in filled(wanted).items() if not (path in files and isinstance(value, str))
    }
    equal = all(row.values.get(path) == value for path, value in sent.items())
    if not equal and (row.created_by.marker is None or row.created_by.marker not in markers):
        return Outcome("conflict", message="another row stands under this id")
    message = "deleted in the destination since it was created" if row.deleted else ""
    return Outcome("loaded_with_findings" if found else "loaded", filled({**row.values, **sent}), message)


def judged_update(
    wanted: Values, before: Values, row: Row | None, base: Values | None, normalise: Normalise, files: Collection[str] = ()
) -> Outcome:
    """What came of an update of the fields in `before`, one request for all of them, from the row as it stands.

    A document (`files`: the paths; a mere name stands for it before the upload) that had not arrived makes it none.
    """
    if row is None:
        return Outcome("conflict", message="gone from the destination")
    documents = [path for path in files if path in before]
    names = {path: wanted[path] for path in documents if isinstance(wanted.get(path), str)}
    sent = {path: normalise(path, wanted.get(path)) for path in before if path not in names} | names
    if late_files(sent, row.values, documents):
        return Outcome("absent", message=LATE)
    sent |= {path: row.values.get(path) for path in documents}  # what the destination made of them
    stands = [path for path, value in sent.items() if row.values.get(path) == value and before[path] != value]
    if not stands:
        return Outcome("absent")
    return Outcome("updated", filled({**(base or row.values), **sent}))


def merged_image(base: Values | None, current: Row, answered: Row, written: Collection[str]) -> Values:
    """The after-image of an update: what the destination answered for the fields we wrote and for those that moved with
    them, and the older image for all others, so that a person's edit beside ours is never taken for our own work."""
    older: Mapping[str, Value] = current.values if base is None else base
    image: Values = dict(older)
    for path in {*answered.values, *current.values}:
        if path in written or answered.values.get(path) != current.values.get(path):
            image[path] = answered.values.get(path)
    return filled(image)
