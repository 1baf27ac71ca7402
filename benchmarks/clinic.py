"""The clinic to migrate: the project's reference clinic scaled up, else the sandbox's made-up one."""

import json
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
SHARED = ROOT.parent / "shared"
SCALE = SHARED / "data" / "scale.py"
SOURCE = SHARED / "data" / "clinic"


@dataclass(frozen=True, slots=True)
class Clinic:
    """An export folder: where it lies, what it was made by, rows by file and the size of the files."""

    folder: Path
    made_by: str
    patients: int
    rows: dict[str, int]
    megabytes: float


def make_clinic(folder: Path, patients: int) -> Clinic:
    """A clinic of so many patients in a new folder; one that lies there already is taken as it is.

    Raises RuntimeError with the maker's words when it fails.
    """
    summary = folder.with_name(f"{folder.name}.json")  # beside the export, not in it
    if not summary.exists():
        made_by, rows = _scaled(folder, patients) if SCALE.exists() and SOURCE.exists() else _demo(folder, patients)
        summary.write_text(json.dumps({"made_by": made_by, "rows": rows}))
    known = json.loads(summary.read_text())
    size = sum(path.stat().st_size for path in folder.glob("*.csv")) / 1e6
    return Clinic(folder, known["made_by"], patients, known["rows"], round(size, 1))


def _scaled(folder: Path, patients: int) -> tuple[str, dict[str, int]]:
    _run([str(SCALE), "--src", str(SOURCE), "--out", str(folder), "--patients", str(patients), "--memory", "1GB", "--threads", "2"])
    rows = json.loads((folder / "SCALE.json").read_text())["rows"]
    return "shared/data/scale.py", rows


def _demo(folder: Path, patients: int) -> tuple[str, dict[str, int]]:
    said = _run(
        ["-m", "crosswalk_sandbox.services.pulse", "clinic", "--out", str(folder), "--patients", str(min(patients, 150_000))]
    )
    return f"the sandbox's demo clinic ({SCALE} is not here)", json.loads(said)["rows"]


def _run(arguments: list[str]) -> str:
    done = subprocess.run([sys.executable, *arguments], capture_output=True, text=True)
    if done.returncode:
        raise RuntimeError(f"The clinic could not be made: {done.stderr.strip()[-2000:]}")
    return done.stdout
