"""Make the Dataverse sandbox's standard tables from the fact files: `uv run python scripts/dataverse_standard.py FACTS_FOLDER`.

Reads dataverse_schema.json (origins and licences: its README, carried over to standard/ATTRIBUTION.md) and writes
src/crosswalk_sandbox/services/dataverse/standard/tables.json, one line per column.
"""

import json
import sys
from pathlib import Path
from typing import Any

Json = dict[str, Any]
TARGET = Path(__file__).parents[1] / "src/crosswalk_sandbox/services/dataverse/standard/tables.json"
ENDINGS = ("yominame", "typecode", "code", "name", "date", "number", "minutes", "time", "mask", "id", "on", "by", "start", "end")
OBJECT_TYPES = {"appointment": 4201, "phonecall": 4210, "email": 4202, "task": 4212, "campaign": 4400, "campaignresponse": 4401}
OBJECT_TYPES |= {"systemuser": 8, "team": 9, "activityparty": 135, "activitypointer": 4200}
SCHEMAS = {"phonecall": "PhoneCall", "campaignresponse": "CampaignResponse", "systemuser": "SystemUser"}
SCHEMAS |= {"activityparty": "ActivityParty", "activitypointer": "ActivityPointer"}
ACTIVITIES = ("appointment", "phonecall", "email", "task", "campaignresponse", "activitypointer")
REGARDING = ["account", "contact", "lead", "campaign"]
PARTIES = ["account", "contact", "lead", "systemuser", "queue"]
# Columns of activities that the platform computes; CDM documents do not say so (facts/dataverse/README.md, "Known gaps").
COMPUTED = {"exchangerate", "versionnumber", "createdon", "modifiedon", "createdby", "modifiedby", "createdonbehalfby"}
COMPUTED |= {"modifiedonbehalfby", "owninguser", "owningteam", "owningbusinessunit", "traversedpath_", "statecodename"}
COMPUTED |= {"attachmentcount", "attachmenterrors", "isdraft", "isunsafe", "modifiedfieldsmask", "onholdtime", "lastonholdtime"}
# The exporting organisation of lead was Danish: the platform's English labels.
LEAD_STATES = {0: "Open", 1: "Qualified", 2: "Disqualified"}
LEAD_STATUSES = {1: "New", 2: "Contacted", 3: "Qualified", 4: "Lost", 5: "Cannot Contact", 6: "No Longer Interested", 7: "Canceled"}


def schema_name(column: Json, known: dict[str, str]) -> str:
    """The SchemaName: as given, as another table has it, from the display name, else capitalised at well-known endings."""
    logical: str = column["logical"]
    if "schema" in column:
        return column["schema"]
    if logical in known:
        return known[logical]
    display = column.get("display", "").replace(" ", "").replace("-", "")
    if display.lower() == logical:
        return display
    for ending in ENDINGS:
        if logical.endswith(ending) and len(logical) > len(ending):
            head = logical.removesuffix(ending)
            return head[0].upper() + head[1:] + ending[0].upper() + ending[1:]
    return logical[0].upper() + logical[1:]


def targets(table: str, column: Json) -> list[str]:
    """The tables that a lookup points at, those of our own world for the polymorphic ones."""
    logical = column["logical"]
    if logical == "regardingobjectid" and table in ACTIVITIES:
        return ["campaign", "lead"] if table == "campaignresponse" else REGARDING
    if table == "activityparty":
        return {"partyid": PARTIES, "activityid": [*ACTIVITIES[:-1], "activitypointer"]}.get(logical, column.get("targets", []))
    return column.get("targets", [])


def compact(table: str, column: Json, known: dict[str, str]) -> Json:
    """One column, without what is the default."""
    kind = column["type"]
    logical = column["logical"]
    made: Json = {"logical": logical, "schema": schema_name(column, known), "kind": kind, "display": column.get("display", "")}
    made["required"] = column["required"]
    computed = logical in COMPUTED or (kind == "Money" and logical.endswith("_base"))
    made["create"] = column.get("create", not computed) and logical != "statecode"
    made["update"] = column.get("update", not computed and not column.get("primaryId", False))
    made["read"] = column.get("read", True)
    pairs = {"MaxLength": "max_length", "Format": "format", "FormatName": "format_name", "DateTimeBehavior": "behavior"}
    pairs |= {"MinValue": "minimum", "MaxValue": "maximum", "Precision": "precision", "PrecisionSource": "precision_source"}
    pairs |= {"attributeOf": "attribute_of", "primaryId": "primary_id", "primaryName": "primary_name"}
    made |= {ours: column[theirs] for theirs, ours in pairs.items() if theirs in column}
    if kind == "DateTime":
        made.setdefault("format", "DateAndTime")
        made.setdefault("behavior", "UserLocal")
    found = targets(table, column)
    if found:
        made["targets"] = found
    if "options" in column:
        made["options"] = [option(table, logical, item) for item in column["options"]]
        made["optionset"] = column.get("optionset", f"{table}_{logical}")
    defaults = {"required": "None", "create": True, "update": True, "read": True, "display": ""}
    return {name: value for name, value in made.items() if name not in defaults or defaults[name] != value}


def option(table: str, logical: str, item: Json) -> Json:
    """One choice; lead's labels in English."""
    label = item["label"]
    if table == "lead" and logical in ("statecode", "statuscode"):
        label = (LEAD_STATES if logical == "statecode" else LEAD_STATUSES).get(item["value"], label)
    made = {"value": item["value"], "label": label}
    names = {"state": "state", "defaultstatus": "default_status"}
    return made | {ours: item[theirs] for theirs, ours in names.items() if item.get(theirs) is not None}


def table(logical: str, source: Json, known: dict[str, str]) -> tuple[Json, list[Json]]:
    """A table's head and its columns."""
    head = {
        "schema": source.get("SchemaName") or SCHEMAS.get(logical, logical.capitalize()),
        "set": source["EntitySetName"],
        "id": source["PrimaryIdAttribute"],
        "name": source["PrimaryNameAttribute"],
        "object_type": int(source.get("ObjectTypeCode") or OBJECT_TYPES[logical]),
        "ownership": {"systemuser": "BusinessOwned", "team": "BusinessOwned", "activityparty": "None"}.get(logical, "UserOwned"),
        "activity": logical in ACTIVITIES,
        "tracked": logical in ("account", "contact", "annotation", "lead", "appointment", "phonecall", "email", "task"),
        "duplicates": logical in ("account", "contact", "lead"),
        "source": source["_source"].split("(")[0].strip(),
        "relationships": [relationship(item) for side in ("ManyToOne", "OneToMany") for item in source.get(side, [])],
    }
    columns = [compact(logical, column, known) for column in source["attributes"]]
    return head, [column for column in columns if column["logical"] != "partyidname"]


def relationship(item: Json) -> Json:
    """A relationship as a real organisation has it."""
    return {
        "schema": item["SchemaName"],
        "referenced": item["ReferencedEntity"],
        "referencing": item["ReferencingEntity"],
        "column": item["ReferencingAttribute"],
        "navigation": item["ReferencingEntityNavigationPropertyName"],
        "collection": item["ReferencedEntityNavigationPropertyName"],
        "cascade": {name: rule for name, rule in item["cascade"].items() if name in ("Assign", "Delete") and rule != "NoCascade"},
    }


def main() -> None:
    """Read the facts and write the tables."""
    source = json.loads((Path(sys.argv[1]) / "dataverse_schema.json").read_text())["tables"]
    known = {c["logical"]: c["schema"] for entry in source.values() for c in entry["attributes"] if "schema" in c}
    lines: list[str] = []
    for logical, entry in source.items():
        head, columns = table(logical, entry, known)
        rows = ",\n".join(json.dumps(column, separators=(",", ":")) for column in columns)
        lines.append(f'"{logical}":{{"head":{json.dumps(head, separators=(",", ":"))},"columns":[\n{rows}\n]}}')
    TARGET.write_text("{\n" + ",\n".join(lines) + "\n}\n")


if __name__ == "__main__":
    main()
