"""Checks a clinic's migration into Twenty from outside: the CRM's API against the source's CSV files.

    CROSSWALK_TWENTY_API_KEY=... python scripts/check_twenty.py --url https://crm.example.org --source data/clinic
    CROSSWALK_TWENTY_API_KEY=... python scripts/check_twenty.py --url https://crm.example.org --fingerprint before.json

Standard library only; nothing of Crosswalk's is imported. Works against any Twenty server, paces itself and waits out 429.
Exits 1 on any mismatch, 2 on wrong usage.
"""

import argparse
import json
import os
import sys
from pathlib import Path

from clinic_numbers import Crm, measures
from clinic_source import Clinic, Measure
from twenty_fingerprint import LEFT_OUT, differences, fingerprint
from twenty_reader import Reader


def main() -> int:
    """Run the checks that the command line asks for; the exit status."""
    options = _parser().parse_args()
    key = os.environ.get(options.key_variable)
    if not key:
        sys.exit(f"No API key: set {options.key_variable}.")
    reader = Reader(options.url, key)
    code = 0
    if options.source:
        code = _check(reader, Path(options.source), options.baseline, as_json=options.json)
    if options.fingerprint or options.same_as:
        code = max(code, _fingerprint(reader, options.fingerprint, options.same_as, times=options.times))
    return code


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--url", required=True, help="where the CRM answers")
    parser.add_argument("--source", metavar="DIR", help="folder with the clinic's CSV files: compare the numbers")
    parser.add_argument("--baseline", type=int, default=5, help="people, and companies, that stood there before (new workspace: 5)")
    parser.add_argument("--json", action="store_true", help="the table as JSON")
    parser.add_argument("--fingerprint", metavar="FILE", type=Path, help="write the digest of everything the workspace holds here")
    parser.add_argument("--same-as", metavar="FILE", type=Path, help="compare with a fingerprint written before")
    parser.add_argument("--times", action="store_true", help="let createdAt and updatedAt count in the fingerprint")
    parser.add_argument("--key-variable", default="CROSSWALK_TWENTY_API_KEY", help="environment variable with the API key")
    return parser


def _check(reader: Reader, source: Path, baseline: int, *, as_json: bool) -> int:
    found = measures(Clinic(source), Crm(reader), baseline)
    agreed = all(measure.agrees for measure in found)
    if as_json:
        lines = {item.name: {"expected": item.expected, "found": item.found, "agrees": item.agrees} for item in found}
        print(json.dumps({"agrees": agreed, "requests": reader.requests, "measures": lines}, indent=1))
    else:
        _table(found)
        print(f"\n{'All agree' if agreed else 'MISMATCH'}; {reader.requests} requests.")
    return 0 if agreed else 1


def _table(found: list[Measure]) -> None:
    width = max(len(measure.name) for measure in found)
    print(f"{'':{width}}  {'source':>14}  {'CRM':>14}  {'missing':>8}  {'surplus':>8}")
    for item in found:
        mark = "ok" if item.agrees else "MISMATCH"
        print(f"{item.name:{width}}  {item.expected:>14}  {item.found:>14}  {item.missing:>8}  {item.surplus:>8}  {mark}")


def _fingerprint(reader: Reader, target: Path | None, same_as: Path | None, *, times: bool) -> int:
    taken = fingerprint(reader, times=times)
    rows = sum(item["rows"] + item["deleted"] for item in taken["objects"].values())
    print(f"Fingerprint {taken['digest']} of {len(taken['objects'])} objects and {rows} rows. Left out:", file=sys.stderr)
    for what, why in LEFT_OUT.items():
        print(f"  {what}: {why}", file=sys.stderr)
    for name, item in taken["objects"].items():
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
