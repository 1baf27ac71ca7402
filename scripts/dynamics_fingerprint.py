"""A digest of everything a Dataverse organisation holds, metadata and rows, read by Microsoft's client.

What the server makes up by itself is left out, each with its reason (LEFT_OUT).
"""

import hashlib
import json
from collections.abc import Iterable
from typing import Any, cast

from dynamics_reader import Json, Reader
from PowerPlatform.Dataverse.core.errors import HttpError

LEFT_OUT = {
    "modifiedon, _modifiedby_value, _modifiedonbehalfby_value": "always the last writer; cannot be set (facts/dataverse.md §0.5)",
    "versionnumber": "counts every write (facts §2)",
    "asyncoperation, bulkdeleteoperation, bulkdeletefailure": "the server's own record of background work (facts §4.6)",
    "ids, times and versions of metadata": "chosen by the server",
}
SERVERS_OWN = frozenset({"asyncoperation", "bulkdeleteoperation", "bulkdeletefailure"})
ROW_NOISE = frozenset({"modifiedon", "_modifiedby_value", "_modifiedonbehalfby_value", "versionnumber"})
TYPED = ["LogicalName", "MaxLength", "Format", "FormatName", "MinValue", "MaxValue", "Precision", "Targets", "OptionSet"]
"""What a column's type says of it, which a plain list of columns leaves out (facts §6.10)."""
METADATA_NOISE = frozenset({"MetadataId", "CreatedOn", "ModifiedOn", "IntroducedVersion", "HasChanged", "ColumnNumber", "AsyncJob"})


def fingerprint(reader: Reader) -> Json:
    """{"digest", "tables": {name: {"metadata", "columns", "keys", "relationships", "rows", "digest", "unreadable"}}, "left_out"}.

    `unreadable` holds the server's words where it shows nobody the rows.
    """
    tables = {str(item["LogicalName"]): _table(reader, item) for item in reader.tables()}
    return {"digest": _digest(tables), "tables": tables, "left_out": LEFT_OUT}


def differences(one: Json, other: Json) -> list[str]:
    """What is not the same in two fingerprints, a line each; empty when nothing is."""
    found: list[str] = []
    for name in sorted({*one["tables"], *other["tables"]}):
        here, there = one["tables"].get(name), other["tables"].get(name)
        if here is None or there is None:
            found.append(f"{name}: only in the {'second' if here is None else 'first'}")
            continue
        for key in here:
            if here[key] != there[key]:
                found.append(f"{name}: {key}: {_unlike(here[key], there[key])}")
    return found


def _unlike(one: Any, other: Any) -> str:
    if not isinstance(one, dict) or not isinstance(other, dict):
        return f"{one} / {other}"
    here, there = cast(Json, one), cast(Json, other)
    return ", ".join(name for name in sorted({*here, *there}) if here.get(name) != there.get(name))


def _table(reader: Reader, item: Json) -> Json:
    name = str(item["LogicalName"])
    tables = reader.client.tables
    columns = reader.patiently(lambda: [*tables.list_columns(name), *tables.list_columns(name, typed=True, select=TYPED)])
    keys = reader.patiently(lambda: tables.get_alternate_keys(name))
    relationships = reader.patiently(lambda: tables.list_table_relationships(name))
    rows: list[Json] = []
    unreadable = ""
    if name not in SERVERS_OWN:
        try:
            rows = reader.rows(name)
        except HttpError as refusal:
            unreadable = str(refusal)
    return {
        "metadata": _digest(_definition(item)),
        "columns": _digests(columns, "LogicalName"),
        "keys": {key.schema_name: ",".join(key.key_attributes) for key in keys},
        "relationships": _digests(relationships, "SchemaName"),
        "rows": len(rows),
        "digest": _digest(sorted(_digest(_row(row)) for row in rows)),
        "unreadable": unreadable,
    }


def _digests(definitions: list[Json], key: str) -> dict[str, str]:
    """One digest a name; a name that stands in several definitions has one of all of them."""
    named: dict[str, list[Any]] = {}
    for definition in definitions:
        named.setdefault(str(definition[key]), []).append(_definition(definition))
    return {name: _digest(parts) for name, parts in sorted(named.items())}


def _row(row: Json) -> Json:
    return {name: value for name, value in row.items() if name not in ROW_NOISE and "@" not in name}


def _definition(value: Any) -> Any:
    """Metadata without what is the server's own, at every depth."""
    if isinstance(value, dict):
        return {
            name: _definition(part) for name, part in cast(Json, value).items() if name not in METADATA_NOISE and "@" not in name
        }
    if isinstance(value, list):
        return [_definition(part) for part in cast(list[Any], value)]
    return value


def _digest(content: Any) -> str:
    parts: Iterable[str] = [json.dumps(content, sort_keys=True, ensure_ascii=False, separators=(",", ":"))]
    return hashlib.sha256("".join(parts).encode()).hexdigest()
