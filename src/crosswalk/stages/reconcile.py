"""Reconcile: every source row in exactly one counted state, and the destination read back against what was meant (E9)."""

from collections.abc import Mapping, Sequence
from pathlib import Path

import duckdb

from crosswalk.model.destination_schema import DestinationSchema
from crosswalk.model.extraction import Extraction
from crosswalk.model.fingerprint import Fingerprint
from crosswalk.model.mapping import Mapping as Map
from crosswalk.model.reconciliation import (
    LedgerLine,
    LinkCheck,
    Reason,
    Reconciliation,
    RecordCheck,
    SideEffect,
    TotalCheck,
)
from crosswalk.model.staged_writes import StagedRecord, StagedWrites
from crosswalk.stages._comparison import Expect, compare_records
from crosswalk.store import staging_ledger as ledger
from crosswalk.store.entries import LOAD_RUNS
from crosswalk.store.journal import Journal
from crosswalk.store.staging_diff import RowCounts, automated_rows
from crosswalk.store.transform_sql import taken_rows_sql

NOT_PLANNED = "not_planned"
"""Why a row that a record of the map takes is unaccounted for: the staged writes were made without it."""


def reconcile(
    staged: StagedWrites,
    *,
    mapping: Map,
    extraction: Extraction,
    raw: Mapping[str, Path],
    quarantine: Path,
    read_backs: Mapping[str, Path],
    schema: DestinationSchema,
    expected: Expect,
    journal: Journal,
    connection: duckdb.DuckDBPyConnection,
    folder: Path,
    before: Fingerprint | None = None,
) -> Reconciliation:
    """The proof that nothing is missing. `raw` is source object → extracted Parquet, `quarantine` the Parquet of unreadable
    rows, `read_backs` object → the destination's rows now, `expected` the destination's, `folder` the workspace; rows that
    stood in `before` are nobody's side effect. The caller raises NotBalancedError when `balanced` is false."""
    checks = _Checks(mapping, read_backs, schema, connection, folder)
    compare_records(
        staged,
        None,
        read_backs,
        schema=schema,
        expected=expected,
        journal=journal,
        connection=connection,
        folder=folder,
        each=checks.check,
    )
    ledger.prepare_ledger(connection)
    ledger.add_messages(connection, _messages(journal))
    for record in staged.records:
        ledger.add_record(connection, record, folder)
    for name, record in mapping.active().items():
        if record.from_ in raw:
            ledger.add_taken(connection, record.from_, taken_rows_sql(name, record, quarantine.parent, mapping.date_orders))
    ledger.decide_rows(connection)
    lines, reasons = _lines(extraction, raw, quarantine, connection)
    problems = _problems(lines, reasons, checks)
    return Reconciliation(
        based_on={"staged": staged.digest(), "extraction": extraction.digest()},
        ledger=tuple(lines),
        reasons=tuple(reasons),
        records=tuple(checks.records),
        links=tuple(checks.links),
        totals=tuple(checks.totals),
        side_effects=(*_side_effects(journal, read_backs, before, folder, connection), *checks.changed),
        balanced=not problems,
        problems=tuple(problems),
    )


class _Checks:
    """Collects what is asked of each record while its rows lie side by side."""

    def __init__(
        self,
        mapping: Map,
        read_backs: Mapping[str, Path],
        schema: DestinationSchema,
        connection: duckdb.DuckDBPyConnection,
        folder: Path,
    ) -> None:
        self._mapping, self._read_backs, self._schema = mapping, read_backs, schema
        self._connection, self._folder = connection, folder
        self.records: list[RecordCheck] = []
        self.links: list[LinkCheck] = []
        self.totals: list[TotalCheck] = []
        self.changed: list[SideEffect] = []

    def check(self, record: StagedRecord, counted: RowCounts) -> None:
        db, file = self._connection, self._folder / record.file
        wanted, held, different = ledger.digests(db, record.record)
        self.records.append(
            RecordCheck(
                record=record.record,
                object=record.object,
                expected=counted.compared + counted.missing,
                found=counted.compared,
                missing=counted.missing,
                different=different,
                leftover=ledger.leftovers(db, record, file),
                expected_digest=wanted,
                actual_digest=held,
            )
        )
        self._check_links(record)
        rows, ids, fields = automated_rows(db, record.record)
        if rows:
            self.changed.append(
                SideEffect(object=record.object, rows=rows, examples=tuple(ids), kind="changed", fields=tuple(fields))
            )
        for item in self._mapping.totals:
            if item.record == record.record:
                source, expected, actual = ledger.total(db, record, file, item.field, item.kind)
                self.totals.append(
                    TotalCheck(name=item.name, record=item.record, kind=item.kind, source=source, expected=expected, actual=actual)
                )

    def _check_links(self, record: StagedRecord) -> None:
        described = self._schema.object(record.object)
        for column in record.columns:
            leaf = described.field(column.path) if described else None
            if column.reference is None or leaf is None or leaf.to_object is None:
                continue
            parents = self._read_backs.get(leaf.to_object)
            filled, dangling, empty = ledger.link_check(self._connection, record, column.path, parents)
            self.links.append(
                LinkCheck(
                    record=record.record,
                    field=column.path,
                    to_object=leaf.to_object,
                    filled=filled,
                    dangling=dangling,
                    required_empty=empty if column.required else 0,
                )
            )


def _messages(journal: Journal) -> list[tuple[str, str, str]]:
    """The latest words about every row that was rejected or is in conflict."""
    latest: dict[tuple[str, str], str] = {}
    for state in ("rejected", "conflict"):
        for entry in journal.audit(state=state):
            latest[entry.record or "", entry.source_key or ""] = entry.message
    return [(record, key, message) for (record, key), message in latest.items()]


def _lines(
    extraction: Extraction, raw: Mapping[str, Path], quarantine: Path, connection: duckdb.DuckDBPyConnection
) -> tuple[list[LedgerLine], list[Reason]]:
    unreadable: dict[str, int] = {}
    reasons: list[Reason] = []
    for name, why, rows in ledger.quarantined(connection, quarantine):
        unreadable[name] = unreadable.get(name, 0) + rows
        reasons.append(Reason(source_object=name, state="quarantined", code=why, rows=rows))
    lines: list[LedgerLine] = []
    for item in extraction.objects:
        states = ledger.object_states(connection, item.name, raw[item.name]) if item.name in raw else {}
        if item.name in unreadable:
            states["quarantined"] = unreadable[item.name]
        lines.append(LedgerLine.model_validate({"source_object": item.name, "rows": item.rows, "states": states}))
        folded, none, missed = ledger.not_taken(connection, item.name, raw[item.name]) if item.name in raw else (0, 0, 0)
        if folded:
            reasons.append(Reason(source_object=item.name, state="folded", code="duplicate_key", rows=folded))
        if none:
            reasons.append(Reason(source_object=item.name, state="excluded", code="no_record_takes_it", rows=none))
        if missed:
            reasons.append(Reason(source_object=item.name, state="unaccounted", code=NOT_PLANNED, rows=missed))
    for name, state, code, rows, examples in ledger.reasons(connection):
        reasons.append(
            Reason.model_validate({"source_object": name, "state": state, "code": code, "rows": rows, "examples": tuple(examples)})
        )
    return lines, reasons


def _problems(lines: Sequence[LedgerLine], reasons: Sequence[Reason], checks: _Checks) -> list[str]:
    unplanned = {item.source_object: item.rows for item in reasons if item.code == NOT_PLANNED}
    found = [
        f"{line.source_object}: {line.rows} rows read, {sum(line.states.values())} accounted for"
        for line in lines
        if sum(line.states.values()) != line.rows
    ]
    found += [f"{name}: {rows} rows are not in the staged writes; run crosswalk plan again" for name, rows in unplanned.items()]
    found += [
        f"{line.source_object}: {unsent} rows were neither written nor refused; run again"
        for line in lines
        if (unsent := line.states.get("unaccounted", 0) - unplanned.get(line.source_object, 0))
    ]
    found += [f"{item.record}: {item.missing} written rows are not in {item.object}" for item in checks.records if item.missing]
    found += [
        f"{item.record}: {item.different} rows of {item.object} hold something else" for item in checks.records if item.different
    ]
    found += [
        f"{item.record}: {item.dangling} rows point at nothing in {item.to_object} ({item.field})"
        for item in checks.links
        if item.dangling
    ]
    found += [f"{item.record}: {item.required_empty} rows lost their {item.field}" for item in checks.links if item.required_empty]
    found += [f"{item.name}: the destination's total differs" for item in checks.totals if not item.equal()]
    return found


def _side_effects(
    journal: Journal,
    read_backs: Mapping[str, Path],
    before: Fingerprint | None,
    folder: Path,
    connection: duckdb.DuckDBPyConnection,
) -> list[SideEffect]:
    begun = [run.started for run in journal.runs() if run.kind in LOAD_RUNS]
    if not begun:
        return []
    known = {item.object: folder / item.rows_file for item in before.objects} if before else {}
    found = ledger.side_effects(connection, read_backs, known, begun[0])
    return [SideEffect(object=name, rows=rows, examples=tuple(examples)) for name, rows, examples in found]
