"""What an undo would do, and what it did."""

from collections.abc import Sequence

from crosswalk.cli.views.blocks import Block, Heading, Note, Table, number, some
from crosswalk.model.rollback_report import KeptRow, RollbackPreview, RollbackReport, UndoCount, UndoneSideEffect

LISTED = 20
UNDONE = {"create_object": "the object itself", "create_field": "{}", "add_options": "options of {}"}
REASONS = {
    "edited": "a person has edited it since",
    "deleted_by_person": "a person has deleted it since",
    "needed_by_kept_row": "a kept row needs it",
    "link_of_kept_row": "it ties a kept row to another",
    "foreign_children": "rows that stay hang on it: others', or those of another run",
    "refused": "the destination refused",
    "others_data": "others' data lives in it",
    "others_fields": "others' fields live in it",
}


def preview_view(preview: RollbackPreview) -> list[Block]:
    """Nothing was changed to find this out."""
    shown: list[Block] = [Heading("What a rollback would do now (nothing was changed)"), _counts(preview.counts, "would be")]
    if preview.unsettled:
        shown.append(Note(f"{number(preview.unsettled)} intents of an interrupted run are settled first."))
    shown += kept_view(preview.kept, preview.kept_total)
    shown += _side_effects(preview.side_effects, preview.side_effects_total)
    if preview.schema_changes:
        shown.append(_schema(preview.schema_changes))
    return [*shown, *(Note(f"Cannot be restored: {what}") for what in preview.not_restorable)]


def _schema(labels: Sequence[str]) -> Table:
    """The schema changes by object; a label is `create_field contact.bloodType` (`SchemaChange.label`)."""
    by_object: dict[str, list[str]] = {}
    for label in labels:
        operation, _, path = label.partition(" ")
        name, _, field = path.partition(".")
        what = UNDONE.get(operation, "{}")
        by_object.setdefault(name, []).append(what.format(field))
    rows = [(name, ", ".join(parts)) for name, parts in by_object.items()]
    return Table(f"{len(labels)} schema changes to take back", ("object", "~what goes"), rows)


def rollback_view(report: RollbackReport, before: str | None) -> list[Block]:
    """Removed, restored and kept, and the proof. `before` is the digest of the destination's state before the migration."""
    if not (report.counts or report.schema_undone or report.schema_kept):
        return [Heading("There was nothing to undo."), *_proof(report, before)]
    done = f"{number(report.removed)} rows removed, {number(report.restored)} restored, {number(report.kept_total)} kept"
    shown: list[Block] = [Heading(f"{done}, {len(report.schema_undone)} schema changes taken back"), _counts(report.counts, "")]
    shown += kept_view(report.kept, report.kept_total)
    shown += kept_view(report.schema_kept, len(report.schema_kept), "schema changes kept")
    shown += _side_effects(report.side_effects, report.side_effects_total)
    if report.differences:
        rows = [
            (item.object, item.kind, item.destination_id, item.explained or "unexplained") for item in report.differences[:LISTED]
        ]
        shown.append(
            Table(f"{number(report.differences_total)} differences from before", ("object", "what", "!id", "~because"), rows)
        )
    shown += [Note(f"Cannot be restored: {what}") for what in report.not_restorable]
    return [*shown, *_proof(report, before)]


def _proof(report: RollbackReport, before: str | None) -> list[Block]:
    if report.proved is None and report.run is None:
        return [Note("No state before was noted to compare with.")]
    if report.proved is None:
        return [Note("A single run was undone: only the undo of everything has a state to compare with.")]
    if not report.proved:
        return [Heading("Not proved: the destination differs from before in ways nothing explains.", "bad")]
    if report.differences_total:
        words = "Proved: the destination is as it was before, but for the differences above, each explained."
        return [Heading(words, "good")]
    lines: list[Block] = [Note(f"Fingerprint before = after: {before}", "good")] if before else []
    return [*lines, Heading("Proved: read again, the destination is as it was before the migration.", "good")]


def _counts(counts: Sequence[UndoCount], words: str) -> Block:
    names = ("removed", "restored", "kept")
    columns = ("record", "object", *(f"#{f'{words} {name}'.strip()}" for name in names), "#already gone")
    rows = [
        (item.record, item.object, *(some(count) for count in (item.remove, item.restore, item.keep, item.gone))) for item in counts
    ]
    return Table("Rows", columns, rows)


def kept_view(kept: Sequence[KeptRow], total: int, what: str = "rows kept") -> list[Block]:
    """Everything that stays, with the reason."""
    if not kept:
        return []
    rows = [
        (item.record or item.object, item.key or item.destination_id, REASONS[item.reason], ", ".join(item.fields), item.detail)
        for item in kept[:LISTED]
    ]
    more = f" (first {LISTED})" if total > LISTED else ""
    return [Table(f"{number(total)} {what}{more}", ("record", "!source key", "~because", "~fields", "~detail"), rows)]


def _side_effects(effects: Sequence[UndoneSideEffect], total: int) -> list[Block]:
    if not total:
        return []
    rows = [(item.object, item.kind, item.destination_id, ", ".join(item.fields)) for item in effects[:LISTED]]
    return [Table(f"{number(total)} side effects of the platform's automation", ("object", "what", "!id", "~fields"), rows)]
