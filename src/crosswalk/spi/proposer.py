"""The door for whatever proposes matches for fields the shipped map does not know (B2; proposers are another issue)."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from crosswalk.model.destination_schema import DestinationObject
from crosswalk.model.profile import FieldProfile, ObjectProfile


@dataclass(frozen=True, slots=True)
class Proposal:
    """One suggested match: where a source field could land, how sure (0..1, calibrated), and why."""

    source_field: str
    destination_path: str | None
    """None abstains."""
    confidence: float
    reason: str


class Proposer(Protocol):
    """Proposes, never decides: a person approves the map."""

    def propose(self, source: ObjectProfile, fields: Sequence[FieldProfile], destination: DestinationObject) -> Sequence[Proposal]:
        """One proposal per unmapped field; abstaining is allowed."""
        ...
