"""What the benchmark found, as tables or as JSON."""

import json
import os
import platform
from collections.abc import Sequence
from dataclasses import asdict

from rich.console import Console
from rich.table import Table

from benchmarks.clinic import Clinic
from benchmarks.comparing import Comparison
from benchmarks.measuring import Measure

WIDTH = 120
"""Enough for the tables where nobody watches (a log, a pipe)."""
SHOWN = 0.05
"""Laps that took less than this share of their phase are left to --json."""


def show(
    clinic: Clinic, destination: str, measures: Sequence[Measure], comparisons: Sequence[Comparison], *, as_json: bool
) -> None:
    """Print the measures, the comparisons and the machine."""
    if as_json:
        document = {
            "clinic": {**asdict(clinic), "folder": str(clinic.folder)}, "destination": destination, "machine": machine(),
            "phases": [measure.document() for measure in measures], "peers": [item.document() for item in comparisons],
        }  # fmt: skip
        print(json.dumps(document, indent=1))
        return
    console = Console()
    console = console if console.is_terminal else Console(width=WIDTH)
    rows = sum(clinic.rows.values())
    console.print(f"{clinic.patients:,} patients, {rows:,} rows, {clinic.megabytes} MB, made by {clinic.made_by}")
    console.print(f"on {machine()}\n")
    console.print(_phases(measures, destination))
    if comparisons:
        console.print(_peers(comparisons))


def machine() -> str:
    """The machine, and how busy others keep it: a wall-clock time means nothing without that."""
    load = ", ".join(f"{value:.1f}" for value in os.getloadavg())
    return f"{os.cpu_count()} cores, Python {platform.python_version()}, load {load} at the end"


def _phases(measures: Sequence[Measure], destination: str) -> Table:
    table = Table(title=f"Phases (destination: {destination})")
    table.add_column("phase", no_wrap=True)
    for name in ("records", "seconds", "records/s", "CPU s", "per CPU s", "peak MB", "not waiting"):
        table.add_column(name, justify="right", no_wrap=True, min_width=len(name))
    for item in measures:
        _row(table, item.phase, item.records, item.seconds, item.cpu_seconds, f"{item.peak_mb:.0f}", f"{item.busy_share():.0%}")
        for name, (seconds, cpu) in item.laps.items():
            if seconds >= SHOWN * item.seconds and cpu < 0.95 * item.cpu_seconds:
                _row(table, f"  {name}", _records_of(item, name), seconds, cpu, "", "")
        table.add_section()
    return table


def _peers(comparisons: Sequence[Comparison]) -> Table:
    table = Table(title="Beside named peers (above 1: ours is faster)", caption="seconds are ours / theirs")
    for name in ("step", "peer", "seconds", "ratio", "per CPU s", "their peak MB", "ours does besides"):
        table.add_column(name, justify="left" if name in ("step", "peer", "ours does besides") else "right")
    for item in comparisons:
        seconds = f"{item.ours.seconds:.1f} / {item.theirs.seconds:.1f}"
        ratios = (f"{item.ratio():.2f}", f"{item.cpu_ratio():.2f}")
        table.add_row(item.step.name, item.step.peer, seconds, *ratios, f"{item.theirs.peak_mb:.0f}", item.step.differs)
    return table


def _records_of(measure: Measure, lap: str) -> int:
    """Records that a lap dealt with, where that is known."""
    last = lap.rpartition(" ")[2]
    for counts in ("rows", "writes", "created"):
        if last in measure.details.get(counts, {}):
            return int(measure.details[counts][last])
    return measure.records if lap in ("Reading them", "Profiling them", "Transforming", "Loading") else 0


def _row(table: Table, name: str, records: int, seconds: float, cpu: float, *rest: str) -> None:
    rates = [f"{records / part:,.0f}" if records and part else "" for part in (seconds, cpu)]
    table.add_row(name, f"{records:,}" if records else "", f"{seconds:.1f}", rates[0], f"{cpu:.1f}", rates[1], *rest)
