"""`python -m benchmarks`: how fast a migration is and how much memory it takes, on this machine, phase by phase."""

import argparse
import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path

from benchmarks.clinic import Clinic, make_clinic
from benchmarks.comparing import Comparison, compare
from benchmarks.measuring import Measure
from benchmarks.report import show

FULL = 100_000
PHASES = ("scan", "map", "plan", "apply", "run")


def main() -> int:
    """Make a clinic, migrate it, print what it cost."""
    options = parser().parse_args()
    patients = FULL if options.full else options.patients
    if options.keep is not None:
        options.keep.mkdir(parents=True, exist_ok=True)
        return _bench(options.keep.resolve(), patients, options)
    with tempfile.TemporaryDirectory(prefix="crosswalk-bench-") as folder:
        return _bench(Path(folder), patients, options)


def parser() -> argparse.ArgumentParser:
    """The command line."""
    made = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    made.add_argument("--patients", type=int, default=5_000)
    made.add_argument("--full", action="store_true", help=f"{FULL:,} patients")
    told = "null: in this process, keeps nothing (default); sandbox: the local Twenty, limits off"
    made.add_argument("--destination", choices=("null", "sandbox"), default="null", help=told)
    made.add_argument("--no-peers", action="store_true", help="leave out the comparison with named peers")
    made.add_argument("--json", action="store_true", help="one JSON document on stdout")
    made.add_argument("--keep", type=Path, metavar="DIR", help="work here and leave everything there (default: a temporary folder)")
    return made


def _bench(folder: Path, patients: int, options: argparse.Namespace) -> int:
    clinic = make_clinic(folder / f"clinic-{patients}", patients)
    measures, comparisons = _migrate(folder, clinic, options.destination, peers=not options.no_peers)
    show(clinic, options.destination, measures, comparisons, as_json=options.json)
    return 0


def _migrate(folder: Path, clinic: Clinic, destination: str, *, peers: bool) -> tuple[list[Measure], list[Comparison]]:
    """All phases, each in a process of its own, then the peers, while the sandbox still stands."""
    number = next(n for n in range(1, 10_000) if not (folder / f"bench-{n}").exists())
    workspace = folder / f"bench-{number}" / "migration"
    workspace.parent.mkdir()
    sandbox = subprocess.Popen(
        [sys.executable, "-m", "crosswalk_sandbox", "twenty", "--limits", "off", "--member", "frontdesk@clinic.test"],
        stdout=subprocess.PIPE, text=True,
    )  # fmt: skip
    try:
        said = json.loads(sandbox.stdout.readline() if sandbox.stdout else "")
        os.environ["CROSSWALK_TWENTY_API_KEY"] = said["api_key"]
        common = {
            "workspace": str(workspace), "clinic": str(clinic.folder), "url": said["url"],
            "schema_file": str(workspace.with_name("schema.json")),
        }  # fmt: skip
        phase({**common, "phase": "prepare", "destination": "sandbox"})
        measures = [phase({**common, "phase": name, "destination": destination}) for name in PHASES]
        return measures, compare(clinic, workspace, destination, measures) if peers else []
    finally:
        sandbox.terminate()
        sandbox.wait()


def phase(task: dict[str, str]) -> Measure:
    """One phase's cost. Raises SystemExit with the phase's words when it fails."""
    done = subprocess.run([sys.executable, "-m", "benchmarks.phase", json.dumps(task)], stdout=subprocess.PIPE, text=True)
    if done.returncode:
        raise SystemExit(f"The phase {task['phase']} failed.")
    measure = Measure(**json.loads(done.stdout))
    print(f"{measure.phase}: {measure.seconds:.1f} s, {measure.peak_mb:.0f} MB", file=sys.stderr, flush=True)
    return measure


if __name__ == "__main__":
    sys.exit(main())
