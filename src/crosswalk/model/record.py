"""Records on their way: a write we intend, and a row as the destination answers it."""

from dataclasses import dataclass, field
from typing import Literal

from crosswalk.model.values import Values

ActorKind = Literal["person", "integration", "import", "automation", "unknown"]


@dataclass(frozen=True, slots=True)
class Actor:
    """Who wrote a row: a person in the CRM, an API key, an import, or the platform's own automation (workflow, system)."""

    kind: ActorKind
    name: str = ""
    marker: str | None = None
    """The run marker, where the platform keeps one."""


UNKNOWN_ACTOR = Actor("unknown")


@dataclass(frozen=True, slots=True)
class Write:
    """One record to create or change: leaf path → canonical value. None clears on update and is left out on create."""

    id: str
    values: Values


@dataclass(frozen=True, slots=True)
class Row:
    """One record as the destination holds it, flattened to leaf paths and canonical values."""

    id: str
    values: Values = field(default_factory=lambda: {})
    deleted: bool = False
    """Soft-deleted: hidden from people, but still holding its unique values."""
    created_by: Actor = UNKNOWN_ACTOR
    updated_by: Actor = UNKNOWN_ACTOR
    created_at: str | None = None
    updated_at: str | None = None


@dataclass(frozen=True, slots=True)
class User:
    """Somebody who can own records in the destination."""

    id: str
    email: str
    name: str = ""
    active: bool = True
