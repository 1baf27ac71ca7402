"""When two states of a row count as equal: its values without what the platform itself keeps."""

import hashlib
from collections.abc import Iterable

import orjson

from crosswalk.model.destination_schema import DestinationSchema
from crosswalk.model.values import Values
from crosswalk.spi.capabilities import Capabilities


def left_out_names(capabilities: Capabilities) -> frozenset[str]:
    """The field names in `not_fingerprinted`, whose entries read `updatedAt: server time`."""
    return frozenset(entry.partition(":")[0].strip() for entry in capabilities.not_fingerprinted)


def ignored_paths(schema: DestinationSchema, object_name: str, capabilities: Capabilities) -> frozenset[str]:
    """The leaf paths of an object that no state is judged by: computed ones and those the platform cannot put back."""
    described = schema.object(object_name)
    names = left_out_names(capabilities)
    leaves = described.fields if described else ()
    return names | {leaf.path for leaf in leaves if leaf.computed or leaf.path.partition(".")[0] in names}


def row_digest(id: str, deleted: bool, values: Values, ignored: Iterable[str]) -> str:
    """The SHA-256 (hex) of a row's state. Nothing and absent are the same; the order of fields does not matter."""
    left_out = frozenset(ignored)
    state = {path: value for path, value in values.items() if value is not None and path not in left_out}
    return hashlib.sha256(orjson.dumps([id, deleted, state], option=orjson.OPT_SORT_KEYS)).hexdigest()


def differing_paths(one: Values, other: Values, ignored: frozenset[str]) -> tuple[str, ...]:
    """The fields in which two states differ."""
    return tuple(path for path in sorted({*one, *other} - ignored) if one.get(path) != other.get(path))
