"""What a destination can do, in facts the engine decides by."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Capabilities:
    """Facts about one destination."""

    batch_size: int
    """The most records one create request may hold."""
    batch_is_atomic: bool
    """A refused batch stored nothing."""
    max_body_bytes: int
    read_size: int
    """The most records one read answers with, and the most ids one read asks for."""
    not_restorable: tuple[str, ...]
    """What an undo cannot put back, in words for the preview."""
    not_fingerprinted: tuple[str, ...]
    """Fields left out of the state fingerprint (server times, positions), each with its reason."""
    derived_objects: tuple[str, ...] = ()
    """Objects whose rows the platform writes by itself about others (a time line) and takes away with them: never a reason to
    keep a row, and not read by an undo."""
