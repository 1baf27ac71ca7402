"""Checks a clinic's migration into Dynamics 365 Sales from outside: Dataverse, read by Microsoft's client, against the CSV files.

    export CROSSWALK_DYNAMICS_TENANT_ID=... CROSSWALK_DYNAMICS_CLIENT_ID=... CROSSWALK_DYNAMICS_CLIENT_SECRET=...
    python scripts/check_dynamics.py --url https://org.crm.dynamics.com --source data/clinic
    python scripts/check_dynamics.py --url https://org.crm.dynamics.com --fingerprint before.json

Nothing of Crosswalk's is imported: PowerPlatform-Dataverse-Client and msal read, the standard library compares. For a sandbox
set CROSSWALK_DYNAMICS_AUTHORITY to its url, and SSL_CERT_FILE (or --ca) to its certificate.
Exits 1 on any mismatch, 2 on wrong usage.
"""

import argparse
import json
import os
import sys
from pathlib import Path

from clinic_source import Clinic, Measure
from dynamics_fingerprint import LEFT_OUT, differences, fingerprint
from dynamics_numbers import Organization, measures
from dynamics_reader import Reader, reader


def main() -> int:
    """Run the checks that the command line asks for; the exit status."""
    options = _parser().parse_args()
    reading = reader(options.url, options.ca)
    code = 0
    if options.source:
        code = _check(reading, Path(options.source), as_json=options.json)
    if options.fingerprint or options.same_as:
        code = max(code, _fingerprint(reading, options.fingerprint, options.same_as))
    return code


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--url", required=True, help="the organisation's address")
    parser.add_argument(
        "--ca", default=os.environ.get("SSL_CERT_FILE"), metavar="FILE", help="a private certificate (SSL_CERT_FILE)"
    )
    parser.add_argument("--source", metavar="DIR", help="folder with the clinic's CSV files: compare the numbers")
    parser.add_argument("--json", action="store_true", help="the table as JSON")
    parser.add_argument("--fingerprint", metavar="FILE", type=Path, help="write the digest of all metadata and rows here")
    parser.add_argument("--same-as", metavar="FILE", type=Path, help="compare with a fingerprint written before")
    return parser


def _check(reading: Reader, source: Path, *, as_json: bool) -> int:
    found = measures(Clinic(source), Organization(reading))
    agreed = all(measure.agrees for measure in found)
    if as_json:
        lines = {item.name: {"expected": item.expected, "found": item.found, "agrees": item.agrees} for item in found}
        print(json.dumps({"agrees": agreed, "measures": lines}, indent=1))
    else:
        _table(found)
        print(f"\n{'All agree' if agreed else 'MISMATCH'}.")
    return 0 if agreed else 1


def _table(found: list[Measure]) -> None:
    width = max(len(measure.name) for measure in found)
    print(f"{'':{width}}  {'source':>14}  {'Dynamics':>14}  {'missing':>8}  {'surplus':>8}")
    for item in found:
        mark = "ok" if item.agrees else "MISMATCH"
        print(f"{item.name:{width}}  {item.expected:>14}  {item.found:>14}  {item.missing:>8}  {item.surplus:>8}  {mark}")


def _fingerprint(reading: Reader, target: Path | None, same_as: Path | None) -> int:
    taken = fingerprint(reading)
    rows = sum(item["rows"] for item in taken["tables"].values())
    print(f"Fingerprint {taken['digest']} of {len(taken['tables'])} tables and {rows} rows. Left out:", file=sys.stderr)
    for what, why in LEFT_OUT.items():
        print(f"  {what}: {why}", file=sys.stderr)
    for name, item in taken["tables"].items():
        if item["unreadable"]:
            print(f"  {name}: cannot be read: {item['unreadable']}", file=sys.stderr)
    if target:
        target.write_text(json.dumps(taken, indent=1))
    if same_as is None:
        return 0
    unlike = differences(json.loads(same_as.read_text()), taken)
    print("\n".join(unlike) or f"The same as {same_as}.")
    return 1 if unlike else 0


if __name__ == "__main__":
    sys.exit(main())
