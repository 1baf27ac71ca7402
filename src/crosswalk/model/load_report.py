"""What a load did, row by row in numbers, and what settling an interrupted run found."""

from dataclasses import dataclass

from crosswalk.model.artefact import Artefact, Frozen
from crosswalk.model.finding import Finding


@dataclass(frozen=True, slots=True)
class LoadProgress:
    """Where a load stands. `rate` is rows per second lately; `eta_seconds` is None until a rate is known."""

    record: str
    object: str
    done: int
    total: int
    """Rows of all records together."""
    rate: float | None
    eta_seconds: float | None


class RecordLoad(Frozen):
    """What became of the rows of one record in this run. Every staged (and selected) row is in exactly one of the counts but
    `with_findings` (of those written), `finished` (of those written: what the destination takes by an update only was written at
    the end; where that was refused the row is counted as rejected or conflict besides) and `removed` (rows that the staged writes
    no longer hold)."""

    record: str
    object: str
    rows: int = 0
    created: int = 0
    updated: int = 0
    unchanged: int = 0
    matched: int = 0
    excluded: int = 0
    rejected: int = 0
    conflicts: int = 0
    with_findings: int = 0
    finished: int = 0
    removed: int = 0


class LoadReport(Artefact):
    """One load. `batches` counts requests to create, `resent` those repeated after a read proved the rows absent, `halved` the
    refused ones that were taken apart to find the guilty row."""

    run: int
    records: tuple[RecordLoad, ...]
    findings: tuple[Finding, ...] = ()
    batches: int = 0
    resent: int = 0
    halved: int = 0
    uncertain: int = 0
    seconds: float = 0.0

    def record(self, name: str) -> RecordLoad | None:
        """The counts of that record, or None."""
        return next((item for item in self.records if item.record == name), None)


class SettleReport(Frozen):
    """What reading the destination said about the intents that an interrupted run left without an outcome."""

    batches: int = 0
    stored: int = 0
    absent: int = 0
    conflicts: int = 0
