"""Taking schema changes back, newest first; what holds somebody's data stays (DESIGN.md, "The journal and undo, precisely")."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import cast

from crosswalk.model.destination_schema import DestinationSchema
from crosswalk.model.errors import CrosswalkError, RejectedError, UncertainError
from crosswalk.model.rollback_report import KeptRow
from crosswalk.model.schema_plan import SchemaChange
from crosswalk.model.values import Values
from crosswalk.stages._schema_state import is_there, leaves_of, taken_back
from crosswalk.stages._undo_plan import UndoJob
from crosswalk.store.entries import Entry, Intent, Outcome
from crosswalk.store.staging_files import count_rows, rows_filled, rows_with_any

ATTEMPTS = 5


@dataclass(slots=True)
class SchemaUndo:
    """Takes changes back. `read_backs` are the rows that are left after the rows' own undo."""

    job: UndoJob
    run: int
    read_backs: Mapping[str, Path]
    undone: list[str] = field(default_factory=lambda: [])
    kept: list[KeptRow] = field(default_factory=lambda: [])

    async def undo(self, changes: Sequence[tuple[SchemaChange, Entry]], schema: DestinationSchema) -> DestinationSchema:
        """The schema after everything that can go went."""
        for change, entry in sorted(changes, key=_undo_order):
            reason = self._kept_for(change, changes, schema)
            if reason:
                await self._keep(change, entry, *reason)
                continue
            schema = await self._take_back(change, entry, schema)
        return schema

    def _kept_for(
        self, change: SchemaChange, applied: Sequence[tuple[SchemaChange, Entry]], schema: DestinationSchema
    ) -> tuple[str, str] | None:
        """Why a change stays (reason, detail), or None."""
        path = self.read_backs.get(change.object)
        if not is_there(change, schema):
            return None
        if path is None:
            return "others_data", "its rows could not be read"
        db = self.job.connection
        if change.operation == "create_object":
            left = sum(count_rows(db, path))
            added = self._others_fields(change.object, applied, schema)
            if added:
                return "others_fields", "fields added since: " + ", ".join(added)
        elif change.operation == "create_field":
            # A currency code without an amount is the platform's default, yet it was written by somebody: it counts.
            left = rows_filled(db, path, [leaf.path for leaf in leaves_of(change, schema) if not leaf.computed])
        else:
            options = [value for value, _ in change.field.options] if change.field else []
            left = rows_with_any(db, path, change.name, options)
        return ("others_data", f"{left} rows hold data in it") if left else None

    def _others_fields(
        self, table: str, applied: Sequence[tuple[SchemaChange, Entry]], schema: DestinationSchema
    ) -> tuple[str, ...]:
        """The fields of a table of ours that were not there after the last of our changes. What came along with a change (an
        amount's currency, say) was."""
        described = schema.object(table)
        images = [entry.after for change, entry in applied if change.object == table]
        known = {path for image in images for path in cast(list[str], (image or {}).get("leaves") or [])}
        return tuple(leaf.path for leaf in described.fields if leaf.path not in known) if described and known else ()

    async def _take_back(self, change: SchemaChange, entry: Entry, schema: DestinationSchema) -> DestinationSchema:
        job = self.job
        for _ in range(ATTEMPTS):
            batch = await job.journal.open_batch(self.run, [_intent(change, entry)])
            try:
                schema = await job.destination.undo(change, schema)
            except RejectedError as refusal:
                await job.journal.close_batch(batch, [Outcome("kept", message=refusal.message)])
                self._list(change, "refused", refusal.message)
                return schema
            except UncertainError:
                schema = await job.destination.describe()
            outcome = taken_back(change, schema)
            await job.journal.close_batch(batch, [outcome])
            if outcome.state == "undone":
                if change.label() not in self.undone:  # an apply that was finished later is in the journal twice
                    self.undone.append(change.label())
                return schema
        raise CrosswalkError(f"{change.label()} was taken back {ATTEMPTS} times and still stands", "See the destination's own log.")

    async def _keep(self, change: SchemaChange, entry: Entry, reason: str, detail: str) -> None:
        batch = await self.job.journal.open_batch(self.run, [_intent(change, entry)])
        await self.job.journal.close_batch(batch, [Outcome("kept", message=detail)])
        self._list(change, reason, detail)

    def _list(self, change: SchemaChange, reason: str, detail: str) -> None:
        content = {"record": "schema", "object": change.object, "destination_id": change.label(), "key": change.label()}
        self.kept.append(KeptRow.model_validate({**content, "reason": reason, "detail": detail}))


def _undo_order(pair: tuple[SchemaChange, Entry]) -> int:
    """References first, since they hold tables together; then whole tables, whose fields go with them; then what is left."""
    change, _ = pair
    if change.operation == "create_object":
        return 1
    return 0 if change.field is not None and change.field.type == "reference" else 2


def _intent(change: SchemaChange, entry: Entry) -> Intent:
    before: Values = {"change": change.model_dump(mode="json")}
    return Intent(
        "schema_undo", entry.record, entry.object, entry.destination_id, entry.source_object, entry.source_key, "", "", before,
        (entry.batch, entry.ordinal),
    )  # fmt: skip
