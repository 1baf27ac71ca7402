"""A digest of everything a Twenty workspace holds, taken from outside, so that two workspaces or two moments can be compared.

Per object: its fields, and its rows (soft-deleted ones, too). What the server makes up by itself is left out, each with its reason.
"""

import hashlib
import json
from collections.abc import Iterable
from typing import Any, cast

from twenty_reader import Json, Reader, Refused

LEFT_OUT = {
    "updatedBy": "always the last caller; cannot be set (facts/twenty.md §3)",
    "position": "assigned by the server at will (§3)",
    "searchVector": "computed by the server (§3)",
    "createdAt, updatedAt": "server times where nobody sets them (§3); kept with --times",
    "deletedAt": "a server time; only whether it is set counts",
    "fileId, url, token": "signed and expiring (§7)",
    "timelineActivities": "written by the server's worker for every change (§6)",
    "workflowRuns": "the server's own log (§11)",
    "ids and times of metadata": "chosen by the server (§8)",
}
SERVERS_OWN = ("timelineActivity", "workflowRun")
ROW_NOISE = frozenset({"updatedBy", "position", "searchVector", "lastLoginAt"})
TIMES = frozenset({"createdAt", "updatedAt"})
FILE_NOISE = frozenset({"fileId", "url", "token", "fullPath", "path", "signedUrl"})
FIELD_FACTS = ("type", "name", "label", "description", "isNullable", "isUnique", "isActive", "isCustom", "defaultValue")
OBJECT_FACTS = ("nameSingular", "namePlural", "labelSingular", "labelPlural", "description", "isActive", "isCustom")


def fingerprint(reader: Reader, *, times: bool) -> Json:
    """{"digest", "objects": {name: {"schema", "rows", "deleted", "unreadable", "digest"}}, "left_out"}.

    With `times` createdAt and updatedAt count. `unreadable` holds the server's words where it shows nobody the rows.
    """
    objects: dict[str, Json] = {}
    for item in sorted(reader.objects(), key=lambda one: one["nameSingular"]):
        name, plural = item["nameSingular"], item["namePlural"]
        rows: list[Json] = []
        gone: list[Json] = []
        unreadable = ""
        if name not in SERVERS_OWN and item.get("isActive", True):
            try:
                rows, gone = list(reader.rows(plural)), list(reader.deleted(plural))
            except Refused as refusal:
                unreadable = str(refusal)
        objects[name] = {
            "schema": _digest(_schema(item)),
            "rows": len(rows),
            "deleted": len(gone),
            "unreadable": unreadable,
            "digest": _digest(sorted(_digest(_row(row, times)) for row in [*rows, *gone])),
        }
    return {"digest": _digest(objects), "times": times, "objects": objects, "left_out": LEFT_OUT}


def differences(one: Json, other: Json) -> list[str]:
    """What is not the same in two fingerprints, a line each; empty when nothing is."""
    found: list[str] = []
    for name in sorted({*one["objects"], *other["objects"]}):
        here, there = one["objects"].get(name), other["objects"].get(name)
        if here is None or there is None:
            found.append(f"{name}: only in the {'second' if here is None else 'first'}")
        elif here != there:
            found.append(f"{name}: " + ", ".join(f"{key} {here[key]} / {there[key]}" for key in here if here[key] != there[key]))
    return found


def _schema(item: Json) -> Json:
    fields: list[Json] = [
        {fact: field.get(fact) for fact in FIELD_FACTS} | {"options": _options(field)} for field in cast(list[Json], item["fields"])
    ]
    return {fact: item.get(fact) for fact in OBJECT_FACTS} | {"fields": sorted(fields, key=lambda field: str(field["name"]))}


def _options(field: Json) -> list[Any]:
    return [[option.get(key) for key in ("value", "label", "position")] for option in cast(list[Json], field.get("options") or [])]


def _row(row: Json, times: bool) -> Json:
    drop = ROW_NOISE if times else ROW_NOISE | TIMES
    kept = {key: _value(value) for key, value in row.items() if key not in drop}
    return kept | {"deletedAt": bool(row.get("deletedAt"))}


def _value(value: Any) -> Any:
    """Text-like nothings are one thing: Twenty shows null as "" (facts/twenty.md §6); files lose what is signed."""
    if isinstance(value, dict):
        parts = {key: _value(part) for key, part in cast(Json, value).items() if key not in FILE_NOISE}
        return parts if any(part is not None for part in parts.values()) else None
    if isinstance(value, list):
        return [_value(part) for part in cast(list[Any], value)] or None
    return None if value == "" else value


def _digest(content: Any) -> str:
    parts: Iterable[str] = [json.dumps(content, sort_keys=True, ensure_ascii=False, separators=(",", ":"))]
    return hashlib.sha256("".join(parts).encode()).hexdigest()
