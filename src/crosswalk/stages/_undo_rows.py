"""Carrying an undo out on rows: before-images back first, then removals, whoever refers before what is referred to."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import orjson

from crosswalk.model.destination_schema import DestinationSchema
from crosswalk.model.errors import RejectedError, UncertainError, UnreachableError
from crosswalk.model.record import Row, Write
from crosswalk.model.rollback_report import LISTED, KeptRow
from crosswalk.model.values import Values
from crosswalk.stages._removal import LONGEST_PAUSE, UNCERTAIN_LIMIT, Remover
from crosswalk.stages._row_state import differing_paths, ignored_paths, row_digest
from crosswalk.stages._settlement import fetched, filled
from crosswalk.stages._undo_plan import UndoJob, judge_children
from crosswalk.store import staging_undo as undo
from crosswalk.store.entries import Intent, Outcome

RESTORES_PER_BATCH = 20


def leaf_first(names: Sequence[str], schema: DestinationSchema) -> list[str]:
    """The objects so that every one comes before those it refers to (a circle is cut where it is entered)."""
    referred: dict[str, set[str]] = {}
    for name in names:
        described = schema.object(name)
        leaves = described.fields if described else ()
        targets = {leaf.to_object for leaf in leaves if leaf.to_object is not None}
        referred[name] = {target for target in targets if target in names and target != name}
    order: list[str] = []
    entered: set[str] = set()

    def visit(name: str) -> None:
        if name not in entered:
            entered.add(name)
            for parent in sorted(referred[name]):
                visit(parent)
            order.append(name)

    for name in sorted(names):
        visit(name)
    return order[::-1]


@dataclass(slots=True)
class RowUndo:
    """Restores and removes; collects what could not be."""

    job: UndoJob
    run: int
    remover: Remover
    removed: int = 0
    restored: int = 0
    kept: list[KeptRow] = field(default_factory=lambda: [])
    kept_total: int = 0
    partly: set[str] = field(default_factory=lambda: set[str]())
    """Ids of rows that were put back but for fields a person changed since."""

    async def restore(self) -> None:
        """Put before-images back, field by field, newest change first; a field changed since by a person is kept."""
        for rows in undo.updates_backwards(self.job.connection, RESTORES_PER_BATCH):
            by_object: dict[str, list[str]] = {}
            for row in rows:
                by_object.setdefault(str(row["object"]), []).append(str(row["id"]))
            current: dict[str, Row] = {}
            for name, ids in by_object.items():
                current |= await fetched(self.job.destination, name, sorted(set(ids)))
            for row in rows:
                await self._restore_one(row, current)

    async def _restore_one(self, row: dict[str, Any], current: dict[str, Row]) -> None:
        before: Values = orjson.loads(row["before"])
        after: Values = orjson.loads(row["after"])
        now = current.get(row["id"])
        if now is None:
            self._keep(row, "deleted_by_person", tuple(before))
            return
        write, edited = self._fields(before, after, now)
        intent = Intent(
            "restore", row["record"], row["object"], row["id"], row["source_object"], row["key"], "", "",
            {path: now.values.get(path) for path in write}, (row["batch"], row["ordinal"]),
        )  # fmt: skip
        batch = await self.job.journal.open_batch(self.run, [intent])
        outcome = Outcome("restored", now.values) if not write else await self._write(row, write, now)
        if edited and not write and set(edited) == set(before):
            outcome = Outcome("kept", message="changed since: " + ", ".join(edited))
        await self.job.journal.close_batch(batch, [outcome])
        if outcome.after is not None:
            current[row["id"]] = Row(now.id, outcome.after, now.deleted, now.created_by, now.updated_by)
            self.restored += 1
            self.partly |= {row["id"]} if edited else set()
        if edited or outcome.state == "kept":
            self._keep(row, "edited" if edited else "refused", edited, outcome.message)

    def _fields(self, before: Values, after: Values, now: Row) -> tuple[Values, tuple[str, ...]]:
        """The fields to write back, and those a person changed since (none when forced)."""
        write: Values = {}
        edited: list[str] = []
        for path, old in before.items():
            value = now.values.get(path)
            if value == old:
                continue
            if value == after.get(path) or self.job.force or now.updated_by.kind == "automation":
                write[path] = old
            else:
                edited.append(path)
        return write, tuple(edited)

    async def _write(self, row: dict[str, Any], write: Values, now: Row) -> Outcome:
        for attempt in range(1, UNCERTAIN_LIMIT + 1):
            try:
                (answered,) = await self.job.destination.update(row["object"], [Write(row["id"], write)])
            except RejectedError as refusal:
                return Outcome("kept", message=f"{refusal.code}: {refusal.message}")
            except UncertainError:
                await self.remover.sleep(min(LONGEST_PAUSE, 0.1 * 2**attempt))
                found = (await fetched(self.job.destination, row["object"], [row["id"]])).get(row["id"])
                # The same values again do no harm: this is a restore, and nobody else's change lies between.
                if found is not None and all(found.values.get(path) == value for path, value in write.items()):
                    return Outcome("restored", filled(found.values))
                continue
            if isinstance(answered, RejectedError):
                return Outcome("kept", message=f"{answered.code}: {answered.message}")
            return Outcome("restored", filled({**now.values, **answered.values}))
        raise UnreachableError("the destination gives no clear answer to a restore", "Nothing is lost: call rollback again.")

    async def remove(self, read_backs: Mapping[str, Path]) -> None:
        """Remove every row with that verdict, leaf first."""
        size = self.job.destination.capabilities.read_size
        for name in leaf_first(sorted(read_backs), self.job.schema):
            if not undo.any_to_remove(self.job.connection, name):
                continue
            await judge_children(self.job, name)
            for rows in undo.rows_with_verdict(self.job.connection, "remove", size, name):
                await self._remove_some(name, rows, read_backs[name])

    async def note_kept(self) -> None:
        """Note the rows that stay in the journal."""
        size = self.job.destination.capabilities.read_size
        for rows in undo.rows_with_verdict(self.job.connection, "keep", size):
            batch = await self.job.journal.open_batch(self.run, [_removal(row, None) for row in rows])
            await self.job.journal.close_batch(batch, [Outcome("kept", message=row["reason"]) for row in rows])

    async def _remove_some(self, name: str, judged: Sequence[dict[str, Any]], read_back: Path) -> None:
        rows = await self._untouched(name, judged, read_back)
        # What equals the journal's after-image needs no second copy; an edited or foreign row's last state does.
        special = [row["id"] for row in rows if row["record"] in undo.NOT_JOURNALED or row["fields"] or row["changed_by"] is None]
        images = undo.current_values(self.job.connection, read_back, special)
        intents = [_removal(row, orjson.loads(images[row["id"]]) if row["id"] in images else None) for row in rows]
        outcomes = await self.remover.remove(intents)
        by_id = {row["id"]: row for row in rows}
        for id, outcome in outcomes.items():
            self.removed += outcome.state == "removed"
            if outcome.state != "removed":
                self._keep(by_id[id], "refused", (), outcome.message)

    async def _untouched(self, name: str, rows: Sequence[dict[str, Any]], read_back: Path) -> list[dict[str, Any]]:
        """The rows that no person has changed or deleted since they were judged, by reading them once more; the others are kept.

        What somebody does between this reading and the removal, two requests apart, is not seen.
        """
        if self.job.force:
            return list(rows)
        ignored = ignored_paths(self.job.schema, name, self.job.destination.capabilities)
        standing = await fetched(self.job.destination, name, [row["id"] for row in rows])
        changed = [
            now
            for row in rows
            if (now := standing.get(row["id"])) is not None
            and now.updated_by.kind != "automation"
            and row_digest(now.id, now.deleted, now.values, ignored) != row["judged"]
        ]
        judged = undo.current_values(self.job.connection, read_back, [now.id for now in changed])
        kept: dict[str, tuple[str, tuple[str, ...]]] = {}
        for now in changed:
            fields = self._edited(name, differing_paths(orjson.loads(judged[now.id]), now.values, ignored), now)
            if now.deleted or fields:
                kept[now.id] = ("deleted_by_person" if now.deleted else "edited", fields)
        undo.set_verdicts(self.job.connection, [(name, id, "keep", reason, fields) for id, (reason, fields) in kept.items()])
        return [row for row in rows if row["id"] not in kept]

    def _edited(self, name: str, fields: Sequence[str], now: Row) -> tuple[str, ...]:
        """The fields without references that are empty now: removing what they referred to has emptied them."""
        described = self.job.schema.object(name)
        references = {leaf.path for leaf in described.fields if leaf.to_object} if described else set[str]()
        return tuple(path for path in fields if path not in references or now.values.get(path) is not None)

    def _keep(self, row: dict[str, Any], reason: str, fields: tuple[str, ...], detail: str = "") -> None:
        self.kept_total += 1
        if len(self.kept) < LISTED:
            content = {"record": row["record"], "object": row["object"], "destination_id": row["id"], "key": row["key"]}
            self.kept.append(KeptRow.model_validate({**content, "reason": reason, "fields": fields, "detail": detail}))


def _removal(row: dict[str, Any], before: Values | None) -> Intent:
    return Intent("remove", row["record"], row["object"], row["id"], row["source_object"], row["key"], "", "", before)
