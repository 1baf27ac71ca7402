"""The balancing ledger and what the destination holds against it."""

from collections.abc import Sequence

from crosswalk.cli.views.blocks import Block, Cell, Heading, Note, Table, mark, some, verdict
from crosswalk.model.reconciliation import LedgerLine, Reconciliation, RowState, SideEffect, TotalCheck

STATES: tuple[RowState, ...] = (
    "loaded", "loaded_with_findings", "matched", "folded", "excluded", "quarantined", "rejected", "conflict", "unaccounted",
)  # fmt: skip
TITLES = {"loaded_with_findings": "with findings"}
"""Shorter column titles."""
GROUPS = 12
"""Groups of a business total shown at most."""


def reconciliation_view(found: Reconciliation) -> list[Block]:
    """The ledger (its rows add up), why rows are not loaded, links, values and totals, side effects, the verdict."""
    shown: list[Block] = [_ledger(found.ledger)]
    if found.reasons:
        reasons = [(item.source_object, item.state, item.code, item.rows, "\n".join(item.examples[:3])) for item in found.reasons]
        shown.append(Table("Why", ("object", "state", "~reason", "#rows", "!for example"), reasons))
    shown += [_records(found), _links(found)]
    shown += [_total(item) for item in found.totals]
    shown += [Note(_side_effect(item), "warn") for item in found.side_effects]
    shown += [Note(f"✗ {problem}", "bad") for problem in found.problems]
    words = "Balanced: every source row has one final state, and the destination holds what was written."
    return [*shown, Heading(words if found.balanced else "Not balanced.", verdict(found.balanced))]


def _side_effect(item: SideEffect) -> str:
    what = f"changed in {', '.join(item.fields)}" if item.kind == "changed" else "made"
    return f"The platform's own automation: {item.rows:,} {item.object} {what}; a rollback takes it back"


def _ledger(lines: Sequence[LedgerLine]) -> Block:
    used: list[RowState] = [state for state in STATES if any(line.states.get(state) for line in lines)]
    rows = [
        (line.source_object, line.rows, *(some(line.states.get(state, 0)) for state in used), mark(line.balanced()))
        for line in lines
    ]
    totals = [sum(line.states.get(state, 0) for line in lines) for state in used]
    good = all(line.balanced() for line in lines)
    footer: Sequence[Cell] = ("all", sum(line.rows for line in lines), *totals, mark(good))
    columns = ("source object", "#rows", *(f"#{TITLES.get(state, state)}" for state in used), "ok")
    return Table("Ledger: every source row in exactly one state", columns, rows, footer=footer)


def _records(found: Reconciliation) -> Block:
    rows = [
        (item.record, item.object, item.expected, item.found, some(item.missing), some(item.different),
         some(item.leftover, "bad"), mark(item.expected_digest == item.actual_digest and not item.missing))
        for item in found.records
    ]  # fmt: skip
    return Table("Read back", ("record", "?object", "#expected", "#found", "#missing", "#different", "#left over", "ok"), rows)


def _links(found: Reconciliation) -> Block:
    rows = [
        (f"{item.record}.{item.field}", item.to_object, item.filled, some(item.dangling), some(item.required_empty),
         mark(not item.dangling and not item.required_empty))
        for item in found.links
    ]  # fmt: skip
    return Table("Links", ("link", "?to", "#filled", "#dangling", "#required but empty", "ok"), rows)


def _total(item: TotalCheck) -> Block:
    groups = sorted(set(item.source) | set(item.expected) | set(item.actual))
    rows = [
        (
            group or ("sum" if item.kind == "sum" else "(blank)"),
            *_sides(item, group),
            mark(_meant(item, group) == item.actual.get(group, "0")),
        )
        for group in groups[:GROUPS]
    ]
    more = f" (first {GROUPS} of {len(groups)})" if len(groups) > GROUPS else ""
    return Table(f"{item.name}{more}", (item.record, "#all staged rows", "#of these written", "#in the destination", "ok"), rows)


def _meant(item: TotalCheck, group: str) -> str:
    return item.expected.get(group, "0")


def _sides(item: TotalCheck, group: str) -> tuple[str, str, str]:
    return item.source.get(group, "0"), _meant(item, group), item.actual.get(group, "0")
