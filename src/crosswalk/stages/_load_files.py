"""Documents: a file's bytes are handed over first, then the record that holds it is written (C8, E6)."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from crosswalk.model.errors import RejectedError, UncertainError
from crosswalk.model.staged_writes import StagedRecord
from crosswalk.model.values import Value
from crosswalk.stages._load_job import LoadJob
from crosswalk.store.entries import Outcome
from crosswalk.store.staging import PlannedRow

ATTEMPTS = 3
"""An unanswered upload is repeated: a file that no record holds is seen by nobody."""


@dataclass(frozen=True, slots=True)
class Uploader:
    """Uploads the files of one record's rows."""

    job: LoadJob
    record: StagedRecord

    async def upload(self, rows: Sequence[PlannedRow]) -> tuple[list[PlannedRow], list[tuple[PlannedRow, str]]]:
        """The rows with the uploaded values in place of the file names, and the rows whose file is not to be had with the
        reason (`document_missing:file`)."""
        paths = sorted(self.record.files())
        if not paths:
            return list(rows), []
        ready: list[PlannedRow] = []
        refused: list[tuple[PlannedRow, str]] = []
        for row in rows:
            uploaded, reason = await self._files_of(row, paths)
            if reason:
                refused.append((row, reason))
            else:
                ready.append(uploaded)
        return ready, refused

    async def _files_of(self, row: PlannedRow, paths: Sequence[str]) -> tuple[PlannedRow, str]:
        values = dict(row.values)
        for path in paths:
            name = values.get(path)
            if not isinstance(name, str):
                continue
            file = self.job.attachment(name)
            if file is None or not file.is_file():
                return row, f"document_missing:{path}"
            if file.stat().st_size == 0:
                return row, f"document_empty:{path}"
            outcome = await self._hand_over(row, path, file, name)
            if outcome.after is None:
                return row, outcome.message
            values[path] = outcome.after[path]
        return replace(row, values=values), ""

    async def _hand_over(self, row: PlannedRow, path: str, file: Path, name: str) -> Outcome:
        job = self.job
        outcome = Outcome("failed", message=f"upload_unanswered:{path}")
        for _ in range(ATTEMPTS):
            batch = await job.journal.open_batch(job.run, [job.intent("upload", self.record, row)])
            try:
                value: Value = await job.destination.upload(file, name)
                outcome = Outcome("applied", {path: value})
            except RejectedError as refusal:
                outcome = Outcome("failed", message=f"document_refused:{path}: {refusal.message}")
            except UncertainError:
                await job.journal.close_batch(batch, [outcome])
                continue
            await job.journal.close_batch(batch, [outcome])
            break
        return outcome
