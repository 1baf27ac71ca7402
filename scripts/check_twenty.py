"""Checks a clinic's migration into Twenty from outside: the CRM's API against the source's CSV files.

    CROSSWALK_TWENTY_API_KEY=... python scripts/check_twenty.py --url https://crm.example.org --source data/clinic
    CROSSWALK_TWENTY_API_KEY=... python scripts/check_twenty.py --url https://crm.example.org --fingerprint before.json

Standard library only; nothing of Crosswalk's is imported. Works against any Twenty server, paces itself and waits out 429.
Exits 1 on any mismatch, 2 on wrong usage.
"""

import argparse
import os
import sys

from check_report import parser, show_fingerprint, show_measures
from clinic_numbers import Crm, measures
from clinic_source import Clinic
from twenty_fingerprint import differences, fingerprint
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
        found = measures(Clinic(options.source), Crm(reader), options.baseline)
        code = show_measures(found, "CRM", as_json=options.json, requests=reader.requests)
    if options.fingerprint or options.same_as:
        taken = fingerprint(reader, times=options.times)
        code = max(code, show_fingerprint(taken, "objects", options.fingerprint, options.same_as, differences))
    return code


def _parser() -> argparse.ArgumentParser:
    made = parser((__doc__ or "").partition("\n")[0], "where the CRM answers")
    made.add_argument("--baseline", type=int, default=5, help="people, and companies, that stood there before (new workspace: 5)")
    made.add_argument("--times", action="store_true", help="let createdAt and updatedAt count in the fingerprint")
    made.add_argument("--key-variable", default="CROSSWALK_TWENTY_API_KEY", help="environment variable with the API key")
    return made


if __name__ == "__main__":
    sys.exit(main())
