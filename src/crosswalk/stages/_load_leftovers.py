"""Written rows that the staged writes no longer hold (the map or the source changed): taken back when nobody touched them."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from crosswalk.model.errors import RejectedError
from crosswalk.model.record import Row
from crosswalk.model.staged_writes import StagedRecord
from crosswalk.model.values import referred_ids
from crosswalk.stages._load_job import LoadJob
from crosswalk.stages._removal import Remover
from crosswalk.stages._row_state import differing_paths
from crosswalk.stages._settlement import computed_paths, fetched
from crosswalk.store.entries import Intent, Outcome
from crosswalk.store.staging import stale_rows


def _pointed_to(rows: Sequence[Row], path: str) -> Iterator[str]:
    """The ids that the live rows among these hold in a reference, automations' aside."""
    for row in rows:
        if not row.deleted and row.created_by.kind != "automation":
            yield from referred_ids(row.values[path])


@dataclass(frozen=True, slots=True)
class Leftovers:
    """Takes back the leftovers of one record."""

    job: LoadJob
    record: StagedRecord

    async def take_back(self) -> None:
        """Remove every leftover that still equals what we wrote and that nothing refers to; the rest is a conflict, kept."""
        job = self.job
        file = job.folder / self.record.file
        remover = Remover(job.destination, job.journal, job.run, job.sleep)
        for rows in stale_rows(job.connection, self.record, file, job.destination.capabilities.read_size):
            if job.stopping:
                return
            ids = {id: key for key, id in rows}
            kept = await self._to_keep(ids)
            intents = [self._intent(key, id) for id, key in ids.items()]
            outcomes = await job.uninterrupted(remover.remove([intent for intent in intents if intent.destination_id not in kept]))
            await self._note_kept([intent for intent in intents if intent.destination_id in kept], kept)
            for id, outcome in outcomes.items():
                job.tally.count(self.record.record, "removed", outcome.state == "removed")
                if outcome.state != "removed":
                    job.tally.find(self.record.record, "no_longer_staged", ids[id])

    async def _to_keep(self, ids: dict[str, str]) -> dict[str, str]:
        """Id → why it stays."""
        job, name = self.job, self.record.object
        current = await fetched(job.destination, name, list(ids))
        entries = job.journal.entries_by_destination_ids(list(ids))
        computed = computed_paths(job.schema, name)
        kept: dict[str, str] = {}
        for id, row in current.items():
            image = entries[id].after if id in entries else None
            edited = differing_paths(image or {}, row.values, computed)
            if row.deleted or edited:
                kept[id] = "deleted in the destination since" if row.deleted else "changed since: " + ", ".join(edited)
        return kept | await self._referred([id for id in current if id not in kept])

    async def _referred(self, ids: Sequence[str]) -> dict[str, str]:
        """Id → why it stays: some live row points to it that no automation made, or perhaps does, in a table that we may not
        read. Deleting cascades (facts/twenty.md §5)."""
        found: dict[str, str] = {}
        for described in self.job.schema.objects if ids else ():
            for leaf in described.fields:
                if leaf.to_object == self.record.object:
                    try:
                        rows = await self.job.destination.find(described.name, leaf.path, ids)
                    except RejectedError as error:
                        if error.code != "permission":
                            raise
                        return dict.fromkeys(ids, f"rows of {described.name}, which we may not read, may refer to it")
                    found |= dict.fromkeys(_pointed_to(rows, leaf.path), "other rows refer to it")
        return found

    async def _note_kept(self, intents: Sequence[Intent], kept: dict[str, str]) -> None:
        if not intents:
            return
        job = self.job
        batch = await job.journal.open_batch(job.run, intents)
        await job.journal.close_batch(batch, [Outcome("conflict", message=kept[intent.destination_id]) for intent in intents])
        for intent in intents:
            job.tally.count(self.record.record, "conflicts")
            job.tally.find(self.record.record, "no_longer_staged", intent.source_key)

    def _intent(self, key: str, id: str) -> Intent:
        record = self.record
        return Intent("remove", record.record, record.object, id, record.source_object, key, "", record.file)
