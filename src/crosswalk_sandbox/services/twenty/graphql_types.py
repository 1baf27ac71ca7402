"""GraphQL input types for introspection of one type by name (transcript gql_introspect)."""

from .schema import COMPOSITE, Field, Row
from .state import Workspace

SCALARS = {
    "TEXT": "String",
    "UUID": "ID",
    "DATE_TIME": "DateTime",
    "DATE": "Date",
    "NUMBER": "Float",
    "NUMERIC": "BigFloat",
    "BOOLEAN": "Boolean",
    "POSITION": "Position",
    "RAW_JSON": "RawJSONScalar",
    "TS_VECTOR": "TSVector",
}
LISTS = {"ARRAY": "String", "FILES": "FileItemInput"}


def _named(name: str, kind: str = "SCALAR") -> Row:
    return {"name": name, "kind": kind, "ofType": None}


def _listed(name: str, kind: str = "SCALAR") -> Row:
    return {"name": None, "kind": "LIST", "ofType": {"name": name, "kind": kind}}


def composite_name(kind: str) -> str:
    return "".join(part.capitalize() for part in kind.split("_"))


def _input_type(owner: str, field: Field, suffix: str) -> Row:
    if field.type in COMPOSITE:
        return _named(f"{composite_name(field.type)}{suffix}Input", "INPUT_OBJECT")
    enum = f"{owner}{field.name[0].upper()}{field.name[1:]}Enum"
    if field.type in ("SELECT", "RATING"):
        return _named(enum, "ENUM")
    if field.type == "MULTI_SELECT":
        return _listed(enum, "ENUM")
    if field.type in LISTS:
        return _listed(LISTS[field.type])
    return _named(SCALARS[field.type])


def input_fields(workspace: Workspace, name: str) -> Row | None:
    """The type {name, kind, inputFields} of an object's create or update input; None for any other type."""
    for suffix in ("Create", "Update"):
        owner = name.removesuffix(f"{suffix}Input")
        kind = next((kind for kind in workspace.kinds.values() if kind.pascal() == owner), None)
        if owner == name or kind is None:
            continue
        entries: list[Row] = []
        for field in kind.fields.values():
            if not field.is_relation:
                entries.append({"name": field.name, "type": _input_type(owner, field, suffix)})
            elif field.join_column is not None:
                target = workspace.kind_by_id(field.target_object_id or "")
                entries.append({"name": field.join_column, "type": _named("ID")})
                entries.append({"name": field.name, "type": _named(f"{target.pascal()}RelationInput", "INPUT_OBJECT")})
        return {"name": name, "kind": "INPUT_OBJECT", "inputFields": entries}
    return None
