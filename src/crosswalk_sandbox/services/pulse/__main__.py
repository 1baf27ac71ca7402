"""Command line of the Pulse sandbox: `python -m crosswalk_sandbox.services.pulse clinic --out DIR`."""

import argparse
import json
import sys
from pathlib import Path

from crosswalk_sandbox.services.pulse.clinic.export import NotPlantedError
from crosswalk_sandbox.services.pulse.clinic.generate import FolderNotEmptyError, generate
from crosswalk_sandbox.services.pulse.clinic.workbook import SheetFullError


def main(arguments: list[str] | None = None) -> int:
    """Make the demo clinic and print one JSON line with its counts. Answers 0, or 2 with the reason on stderr."""
    parser = argparse.ArgumentParser(prog="python -m crosswalk_sandbox.services.pulse", description=__doc__)
    verbs = parser.add_subparsers(dest="verb", required=True)
    clinic = verbs.add_parser("clinic", help="write a made-up clinic's export folder, and PLANTED.json saying what is wrong in it")
    clinic.add_argument("--out", type=Path, required=True, help="a new or empty folder")
    clinic.add_argument("--patients", type=int, default=200)
    clinic.add_argument("--seed", type=int, default=7)
    clinic.add_argument("--format", choices=["csv", "xlsx"], default="csv")
    chosen = parser.parse_args(arguments)
    try:
        planted = generate(chosen.out, chosen.patients, chosen.seed, chosen.format)
    except (FolderNotEmptyError, NotPlantedError, SheetFullError, ValueError) as error:
        sys.stderr.write(f"{error}\n")
        return 2
    shown = {name: planted[name] for name in ("seed", "patients", "format", "objects", "rows", "document_files")}
    sys.stdout.write(json.dumps({"out": str(chosen.out), **shown, "dirt": len(planted["dirt"])}, ensure_ascii=False) + "\n")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
