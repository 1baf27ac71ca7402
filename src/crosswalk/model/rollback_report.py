"""What an undo will do, did, and could not do."""

from typing import Literal

from crosswalk.model.artefact import Artefact, Frozen

KeptReason = Literal[
    "edited", "deleted_by_person", "needed_by_kept_row", "link_of_kept_row", "foreign_children", "refused", "others_data",
    "others_fields",
]  # fmt: skip


class KeptRow(Frozen):
    """A row (or, in the schema, a change) that stays, and why. Field names only, never values (law 8)."""

    record: str
    object: str
    destination_id: str
    key: str
    reason: KeptReason
    fields: tuple[str, ...] = ()
    detail: str = ""


class UndoneSideEffect(Frozen):
    """What the platform's own automation did to or because of our rows: `created` a row, or `changed` fields of ours."""

    object: str
    destination_id: str
    kind: Literal["created", "changed"]
    fields: tuple[str, ...] = ()


class UndoCount(Frozen):
    """One record's rows by what undo does to them."""

    record: str
    object: str
    remove: int = 0
    restore: int = 0
    keep: int = 0
    gone: int = 0
    """Already hard-deleted by somebody."""


class RollbackPreview(Artefact):
    """What `rollback` would do now; nothing was changed to find out. Lists hold at most `LISTED` entries, counts are whole."""

    run: int | None
    counts: tuple[UndoCount, ...]
    kept: tuple[KeptRow, ...]
    kept_total: int
    side_effects: tuple[UndoneSideEffect, ...]
    side_effects_total: int
    schema_changes: tuple[str, ...]
    """Labels of the schema changes to take back, in the order of undoing."""
    unsettled: int
    """Intents of an interrupted run that are settled before undoing."""
    not_restorable: tuple[str, ...]


class Unproved(Frozen):
    """A difference between the destination before the migration and after its undo. `explained` says by what, or is empty."""

    object: str
    kind: Literal["added", "removed", "changed", "schema"]
    destination_id: str
    explained: str


class RollbackReport(Artefact):
    """What an undo did. `proved`: the destination was read again and is as before, but for the differences that kept rows and
    people's own work since explain; `complete`: nothing of ours was kept."""

    run: int | None
    counts: tuple[UndoCount, ...]
    removed: int
    restored: int
    kept: tuple[KeptRow, ...]
    kept_total: int
    side_effects: tuple[UndoneSideEffect, ...]
    side_effects_total: int
    schema_undone: tuple[str, ...]
    schema_kept: tuple[KeptRow, ...]
    not_restorable: tuple[str, ...]
    complete: bool
    proved: bool | None
    """None for the undo of a single run: only the undo of everything has a state to compare with."""
    differences: tuple[Unproved, ...]
    differences_total: int


LISTED = 1000
