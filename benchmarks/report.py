"""What the benchmark found, as tables or as JSON."""

import json
import os
import platform
from collections.abc import Sequence
from dataclasses import asdict
from typing import Any

from rich.console import Console
from rich.table import Table

from benchmarks.clinic import Clinic
from benchmarks.measuring import Measure


def show(clinic: Clinic, destination: str, measures: Sequence[Measure], peers: Sequence[dict[str, Any]], *, as_json: bool) -> None:
    """Print the measures, the peers and the machine."""
    if as_json:
        document = {
            "clinic": {**asdict(clinic), "folder": str(clinic.folder)}, "destination": destination, "machine": machine(),
            "phases": [measure.document() for measure in measures], "peers": list(peers),
        }  # fmt: skip
        print(json.dumps(document, indent=1))
        return
    console = Console()
    rows = sum(clinic.rows.values())
    console.print(f"{clinic.patients:,} patients, {rows:,} rows, {clinic.megabytes} MB, made by {clinic.made_by}; {machine()}")
    console.print(_phases(measures, destination))


def machine() -> str:
    """The machine, and how busy others keep it: a wall-clock time means nothing without that."""
    load = ", ".join(f"{value:.1f}" for value in os.getloadavg())
    return f"{os.cpu_count()} cores, Python {platform.python_version()}, load {load}"


def _phases(measures: Sequence[Measure], destination: str) -> Table:
    table = Table(title=f"Phases (destination: {destination})")
    for name in ("phase", "records", "seconds", "records/s", "CPU s", "records/CPU s", "peak MB", "not waiting"):
        table.add_column(name, justify="left" if name == "phase" else "right")
    for item in measures:
        _row(table, item.phase, item.records, item.seconds, item.cpu_seconds, f"{item.peak_mb:.0f}", f"{item.busy_share():.0%}")
        for name, (seconds, cpu) in item.laps.items():
            if seconds >= 0.05 * item.seconds:
                _row(table, f"  {name}", _records_of(item, name), seconds, cpu, "", "")
    return table


def _records_of(measure: Measure, lap: str) -> int:
    """Records that a lap dealt with, where that is known."""
    last = lap.rpartition(" ")[2]
    for counts in measure.details.values():
        if isinstance(counts, dict) and last in counts:
            return counts[last]
    return measure.records if lap in ("Reading them", "Profiling them", "Transforming", "Loading") else 0


def _row(table: Table, name: str, records: int, seconds: float, cpu: float, *rest: str) -> None:
    rates = [f"{records / part:,.0f}" if records and part else "" for part in (seconds, cpu)]
    table.add_row(name, f"{records:,}" if records else "", f"{seconds:.1f}", rates[0], f"{cpu:.1f}", rates[1], *rest)
