"""What a check of a destination shows: the table of measures, and a fingerprint kept or compared.

Standard library only; nothing of Crosswalk's is imported.
"""

import argparse
import json
import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from clinic_source import Measure

Json = dict[str, Any]


def parser(summary: str, url_help: str) -> argparse.ArgumentParser:
    """The options that every check has; each adds its own."""
    made = argparse.ArgumentParser(description=summary)
    made.add_argument("--url", required=True, help=url_help)
    made.add_argument("--source", metavar="DIR", type=Path, help="folder with the clinic's CSV files: compare the numbers")
    made.add_argument("--json", action="store_true", help="the table as JSON")
    made.add_argument("--fingerprint", metavar="FILE", type=Path, help="write the digest of all metadata and rows here")
    made.add_argument("--same-as", metavar="FILE", type=Path, help="compare with a fingerprint written before")
    return made


def show_measures(found: list[Measure], column: str, *, as_json: bool, requests: int | None = None) -> int:
    """Print the measures; the exit status. `column` heads the destination's side."""
    agreed = all(measure.agrees for measure in found)
    if as_json:
        lines = {item.name: {"expected": item.expected, "found": item.found, "agrees": item.agrees} for item in found}
        asked = {} if requests is None else {"requests": requests}
        print(json.dumps({"agrees": agreed, **asked, "measures": lines}, indent=1))
    else:
        _table(found, column)
        print(f"\n{'All agree' if agreed else 'MISMATCH'}{'' if requests is None else f'; {requests} requests'}.")
    return 0 if agreed else 1


def _table(found: list[Measure], column: str) -> None:
    width = max(len(measure.name) for measure in found)
    print(f"{'':{width}}  {'source':>14}  {column:>14}  {'missing':>8}  {'surplus':>8}")
    for item in found:
        mark = "ok" if item.agrees else "MISMATCH"
        print(f"{item.name:{width}}  {item.expected:>14}  {item.found:>14}  {item.missing:>8}  {item.surplus:>8}  {mark}")


def show_fingerprint(
    taken: Json, kind: str, target: Path | None, same_as: Path | None, differences: Callable[[Json, Json], list[str]]
) -> int:
    """Write a fingerprint to `target` and compare it with the one at `same_as`; the exit status.

    `taken[kind]` ("tables") holds the parts by name, each with `rows`, `unreadable` and perhaps `deleted`.
    """
    parts: Mapping[str, Json] = taken[kind]
    rows = sum(item["rows"] + item.get("deleted", 0) for item in parts.values())
    print(f"Fingerprint {taken['digest']} of {len(parts)} {kind} and {rows} rows. Left out:", file=sys.stderr)
    for what, why in taken["left_out"].items():
        print(f"  {what}: {why}", file=sys.stderr)
    for name, item in parts.items():
        if item["unreadable"]:
            print(f"  {name}: cannot be read: {item['unreadable']}", file=sys.stderr)
    if target:
        target.write_text(json.dumps(taken, indent=1))
    if same_as is None:
        return 0
    unlike = differences(json.loads(same_as.read_text()), taken)
    print("\n".join(unlike) or f"The same as {same_as}.")
    return 1 if unlike else 0
