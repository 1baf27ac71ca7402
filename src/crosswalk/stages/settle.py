"""Settle: give every intent that an interrupted run left open its outcome, by reading the destination (law 4).

Nothing is sent here. Rows found absent stay uncreated, so the load that follows creates them.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import duckdb

from crosswalk.model.destination_schema import DestinationSchema
from crosswalk.model.load_report import SettleReport
from crosswalk.model.record import Row
from crosswalk.model.schema_plan import SchemaChange
from crosswalk.model.values import Values
from crosswalk.spi.destination import Destination
from crosswalk.stages._schema_state import stands, taken_back
from crosswalk.stages._settlement import fetched, judged_create, judged_update, normaliser
from crosswalk.store.entries import Intent, OpenBatch, Outcome
from crosswalk.store.journal import Journal
from crosswalk.store.staging import columns_of, left_out, staged_values


async def settle(
    destination: Destination, journal: Journal, *, folder: Path, connection: duckdb.DuckDBPyConnection, schema: DestinationSchema
) -> SettleReport:
    """Close every open batch with what the destination shows. `schema` is the destination's, just described; `folder` the
    workspace that the intents' staged writes lie in. Raises UnreachableError; what is settled by then stays settled."""
    settling = _Settling(
        destination, journal, folder, connection, schema, frozenset(destination.kept_marker(run.marker) for run in journal.runs())
    )
    batches = stored = absent = conflicts = 0
    for batch in journal.open_batches():
        outcomes = await settling.outcomes(batch)
        await journal.close_batch(batch.id, outcomes)
        batches += 1
        stored += sum(outcome.state not in ("absent", "failed", "conflict") for outcome in outcomes)
        absent += sum(outcome.state in ("absent", "failed") for outcome in outcomes)
        conflicts += sum(outcome.state == "conflict" for outcome in outcomes)
    return SettleReport(batches=batches, stored=stored, absent=absent, conflicts=conflicts)


@dataclass(frozen=True, slots=True)
class _Settling:
    destination: Destination
    journal: Journal
    folder: Path
    connection: duckdb.DuckDBPyConnection
    schema: DestinationSchema
    markers: frozenset[str]

    async def outcomes(self, batch: OpenBatch) -> list[Outcome]:
        by_object: dict[str, list[str]] = {}
        for intent in batch.intents:
            if intent.operation in ("create", "update", "remove"):
                by_object.setdefault(intent.object, []).append(intent.destination_id)
        rows = {name: await fetched(self.destination, name, ids) for name, ids in by_object.items() if self.schema.object(name)}
        staged = self._staged([intent for intent in batch.intents if intent.operation in ("create", "update")])
        updated = [intent.destination_id for intent in batch.intents if intent.operation == "update"]
        bases = {id: entry.after for id, entry in self.journal.entries_by_destination_ids(updated).items()} if updated else {}
        return [
            self._outcome(
                intent,
                rows.get(intent.object, {}).get(intent.destination_id),
                staged.get((intent.staged, intent.source_key), ({}, False)),
                bases,
            )
            for intent in batch.intents
        ]

    def _outcome(self, intent: Intent, row: Row | None, staged: tuple[Values, bool], bases: Mapping[str, Values | None]) -> Outcome:
        described = self.schema.object(intent.object)
        normalise = normaliser(self.destination, described)
        # Of a document the staged writes hold the name; what the destination made of it, the journal does not know yet.
        files = frozenset(leaf.path for leaf in described.fields if leaf.type == "file") if described else frozenset[str]()
        match intent.operation:
            case "create":
                omitted, deferred = left_out(intent.content)
                wanted = {path: value for path, value in staged[0].items() if path not in omitted and path not in deferred}
                return judged_create(wanted, staged[1] or bool(omitted), row, self.markers, normalise, files)
            case "update":
                return judged_update(staged[0], intent.before or {}, row, bases.get(intent.destination_id), normalise, files)
            case "remove":
                return Outcome("removed") if row is None else Outcome("failed", message="not carried out")
            case "schema_apply" | "schema_undo":
                return self._schema_outcome(intent)
            case _:
                # A file nobody holds is seen by nobody; a restore is judged anew by the undo that repeats it.
                return Outcome("failed", message="interrupted")

    def _schema_outcome(self, intent: Intent) -> Outcome:
        change = SchemaChange.model_validate((intent.before or {}).get("change"))
        if intent.operation == "schema_apply":
            return stands(change, self.schema)
        return taken_back(change, self.schema)

    def _staged(self, intents: Sequence[Intent]) -> dict[tuple[str, str], tuple[Values, bool]]:
        """(staged file, key) → values and findings, from the immutable staged writes the intents point to."""
        wanted: dict[tuple[str, str], list[str]] = {}
        for intent in intents:
            wanted.setdefault((intent.staged, intent.object), []).append(intent.source_key)
        found: dict[tuple[str, str], tuple[Values, bool]] = {}
        for (staged, object_name), keys in wanted.items():
            file = self.folder / staged
            columns = columns_of(self.connection, file, self.schema.object(object_name))
            for key, values in staged_values(self.connection, file, columns, keys).items():
                found[staged, key] = values
        return found
