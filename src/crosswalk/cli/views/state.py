"""Where a migration stands, and its audit log."""

import re
from collections.abc import Sequence
from typing import TYPE_CHECKING

from crosswalk.cli.views.blocks import Block, Cell, Heading, Note, Table, Toned, number

if TYPE_CHECKING:
    from crosswalk.runs.inspecting import AuditEntry, ChainCheck, Status


def status_view(status: "Status") -> list[Block]:
    """The steps in order, the runs, and what the journal holds."""
    shown: list[Block] = [Heading(f"From {status.source} to {status.destination}")]
    shown.append(Note(f"Migration {status.migration_id}, generation {status.generation}"))
    steps: list[Sequence[Cell]] = [(_done(step.done), step.verb, step.detail) for step in status.steps]
    shown.append(Table("Steps", ("", "step", "~where it stands"), steps))
    if status.runs:
        runs = [(str(run.id), run.kind, run.started[:19], (run.ended or "")[:19], run.state) for run in status.runs]
        shown.append(Table("Runs", ("#run", "kind", "started", "ended", "state"), runs))
    if status.rows:
        rows = [
            (name, ", ".join(f"{number(count)} {state}" for state, count in sorted(states.items())))
            for name, states in status.rows.items()
        ]
        shown.append(Table("Rows, as the journal has them", ("record", "~states"), rows))
    if status.open_intents:
        text = f"{number(status.open_intents)} requests of an interrupted run are open: the next run settles them by reading."
        shown.append(Note(text, "warn"))
    return shown


def _done(done: bool) -> Cell:
    return Toned("✓", "good") if done else ""


def audit_view(entries: Sequence["AuditEntry"], chain: "ChainCheck") -> list[Block]:
    """One line per entry, then whether the journal is what was written into it."""
    lines = [_line(entry) for entry in entries]
    columns = ("#?", "when (UTC)", "#?run", "what", "record", "!source key", "state", "~detail")
    words = f"Entries found: {number(len(entries))}" if entries else "No entry fits"
    shown: list[Block] = [Heading(words), Table("Audit log", columns, lines)] if entries else [Heading(words)]
    if chain.ok:
        return [*shown, Note(f"The journal is whole: {number(chain.links)} links, head {chain.head}", "good")]
    return [*shown, Heading(f"The journal has been tampered with or damaged: {chain.broken}", "bad")]


def _plain(value: object) -> str:
    """Details as people read them; a digest by its first letters.

    >>> _plain({"what": "map", "digest": "0123456789abcdef" * 4})
    'what map, digest 0123456789ab'
    """
    if isinstance(value, dict):
        pairs: dict[str, object] = value  # pyright: ignore[reportUnknownVariableType]
        return ", ".join(f"{name} {_plain(item)}" for name, item in pairs.items())
    text = str(value)
    return text[:12] if re.fullmatch(r"[0-9a-f]{64}", text) else text


def _line(entry: "AuditEntry") -> Sequence[Cell]:
    details = _plain(entry.details) or entry.message or entry.destination_id or ""
    run = "" if entry.run is None else str(entry.run)
    what = entry.event or entry.operation or ""
    state = entry.state or ""
    toned: Cell = Toned(state, "bad") if state in ("rejected", "conflict", "failed") else state
    return (
        str(entry.position),
        entry.at[:19].replace("T", " "),
        run,
        what,
        entry.record or "",
        entry.source_key or "",
        toned,
        details,
    )
