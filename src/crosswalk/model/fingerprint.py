"""The state of a destination in digests: what undo proves itself with."""

from collections.abc import Collection
from typing import Literal

from crosswalk.model.artefact import Artefact, Frozen


class ObjectFingerprint(Frozen):
    """One object's rows: how many, and one digest over all of them in the order of their ids, deleted rows included."""

    object: str
    live: int
    deleted: int
    digest: str
    rows_file: str
    """The read-back Parquet the digest was made from, relative to the workspace."""


class Fingerprint(Artefact):
    """The destination at one moment. `left_out` says what the digests do not cover, and why."""

    schema_digest: str
    schema_objects: dict[str, str]
    """Every object of the destination → the digest of its fields."""
    objects: tuple[ObjectFingerprint, ...]
    left_out: tuple[str, ...]

    def object(self, name: str) -> ObjectFingerprint | None:
        """The fingerprint of that object, or None."""
        return next((item for item in self.objects if item.object == name), None)

    def with_objects(self, objects: Collection[ObjectFingerprint]) -> "Fingerprint":
        """The same moment with more objects, of which nothing had been written since."""
        return self.model_copy(update={"objects": tuple(sorted((*self.objects, *objects), key=lambda item: item.object))})


class ObjectDifference(Frozen):
    """What differs between two fingerprints of one object: rows by destination id, or its fields (`schema`, no ids). An object
    that one side does not know (a table created or removed) counts as one without rows."""

    object: str
    kind: Literal["added", "removed", "changed", "schema"]
    ids: tuple[str, ...] = ()
