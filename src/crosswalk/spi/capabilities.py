"""What a destination can do, in facts the engine decides by."""

from dataclasses import dataclass

from crosswalk.model.destination_schema import FieldType


@dataclass(frozen=True, slots=True)
class Capabilities:
    """Facts about one destination."""

    batch_size: int
    """The most records one create may be given."""
    batch_is_atomic: bool
    """A create is refused or carried out as a whole; else every record is answered on its own."""
    update_size: int
    """The most records one update may be given."""
    max_body_bytes: int
    read_size: int
    """The most records one read answers with, and the most ids one read asks for."""
    field_types: frozenset[FieldType]
    """What kinds of field can be created."""
    assumed_requests_per_minute: float
    """For an estimate, before the live limit has been felt."""
    not_restorable: tuple[str, ...]
    """What an undo cannot put back, in words for the preview."""
    not_fingerprinted: tuple[str, ...]
    """Fields left out of the state fingerprint (server times, positions), each with its reason."""
    derived_objects: tuple[str, ...] = ()
    """Objects whose rows the platform writes by itself about others (a time line) and takes away with them: never a reason to
    keep a row, and not read by an undo."""
