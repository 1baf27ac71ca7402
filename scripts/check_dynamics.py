"""Checks a clinic's migration into Dynamics 365 Sales from outside: Dataverse, read by Microsoft's client, against the CSV files.

    export CROSSWALK_DYNAMICS_TENANT_ID=... CROSSWALK_DYNAMICS_CLIENT_ID=... CROSSWALK_DYNAMICS_CLIENT_SECRET=...
    python scripts/check_dynamics.py --url https://org.crm.dynamics.com --source data/clinic
    python scripts/check_dynamics.py --url https://org.crm.dynamics.com --fingerprint before.json

Nothing of Crosswalk's is imported: PowerPlatform-Dataverse-Client and msal read, the standard library compares. For a sandbox
set CROSSWALK_DYNAMICS_AUTHORITY to its url, and SSL_CERT_FILE (or --ca) to its certificate.
Exits 1 on any mismatch, 2 on wrong usage.
"""

import argparse
import os
import sys

from check_report import parser, show_fingerprint, show_measures
from clinic_source import Clinic
from dynamics_fingerprint import differences, fingerprint
from dynamics_numbers import Organization, measures
from dynamics_reader import reader


def main() -> int:
    """Run the checks that the command line asks for; the exit status."""
    options = _parser().parse_args()
    reading = reader(options.url, options.ca)
    code = 0
    if options.source:
        code = show_measures(measures(Clinic(options.source), Organization(reading)), "Dynamics", as_json=options.json)
    if options.fingerprint or options.same_as:
        shown = show_fingerprint(fingerprint(reading), "tables", options.fingerprint, options.same_as, differences)
        code = max(code, shown)
    return code


def _parser() -> argparse.ArgumentParser:
    made = parser((__doc__ or "").partition("\n")[0], "the organisation's address")
    made.add_argument("--ca", default=os.environ.get("SSL_CERT_FILE"), metavar="FILE", help="a private certificate (SSL_CERT_FILE)")
    return made


if __name__ == "__main__":
    sys.exit(main())
