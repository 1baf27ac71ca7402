"""Names and options of the schema: what they may look like and what is wrong with them (facts/twenty.md §8)."""

import re
from typing import Any

from .ids import new_id
from .metadata_errors import BAD_NAME, RESERVED, RESERVED_TEXT, cause
from .schema import EMPTY, Field, ObjectType, Row, is_list, is_row

NAME = re.compile(r"[a-z][a-zA-Z0-9]*")
OPTION_VALUE = re.compile(r"[A-Z_][A-Z0-9_]*")
NAME_LIMIT = 63
WORDS = re.compile(r"[A-Z]?[a-z]+|[A-Z]+(?![a-z])|\d+")


def camel_case(label: str) -> str:
    """A label as a name: `Ledger entries` is ledgerEntries."""
    words = [word.lower() for word in WORDS.findall(label)]
    return "".join([*words[:1], *(word.capitalize() for word in words[1:])])


def pascal(name: str) -> str:
    return name[:1].upper() + name[1:]


def name_errors(name: str, code: str) -> list[Row]:
    if not NAME.fullmatch(name):
        return [cause(code, BAD_NAME, name)]
    if len(name) > NAME_LIMIT:
        return [cause(code, f"Name is too long: it exceeds the {NAME_LIMIT} characters limit", name)]
    return []


def option_errors(options: Any) -> list[Row]:
    """What is wrong with a list of options (transcripts meta_create_field_select_*)."""
    if not is_list(options) or not options:
        return [cause("INVALID_FIELD_INPUT", "Options are required for enum fields")]
    errors: list[Row] = []
    seen: set[Any] = set()
    items: list[Row] = options
    for option in items:
        value, label = option.get("value"), option.get("label")
        if not value:
            errors.append(cause("INVALID_FIELD_INPUT", "Option value is required"))
        elif not isinstance(value, str) or not OPTION_VALUE.fullmatch(value):
            message = f'Value must be in UPPER_CASE and follow snake_case "{value}"'
            errors.append(cause("INVALID_FIELD_INPUT", message, value))
        elif value in seen:
            errors.append(cause("INVALID_FIELD_INPUT", f'Duplicated option value "{value}"', value))
        if not label or not isinstance(label, str):
            errors.append(cause("INVALID_FIELD_INPUT", "Option label is required"))
        elif "," in label or len(label) > NAME_LIMIT:
            message = "Label must not contain a comma" if "," in label else f"Option label exceeds {NAME_LIMIT} characters"
            errors.append(cause("INVALID_FIELD_INPUT", message, label))
        seen.add(value)
    return errors


def made_options(options: list[Row]) -> list[Row]:
    """Options as kept: an id is given to those without one."""
    return [
        {"id": option.get("id") or new_id(), **{key: item for key, item in option.items() if key != "id"}} for option in options
    ]


def parts_of(field: Field) -> list[str]:
    empty = EMPTY.get(field.type)
    return list(empty) if is_row(empty) else []


def field_errors(owner: ObjectType, name: str) -> list[Row]:
    """Why a name cannot be a new field's on an object (transcripts meta_create_field_dup_name, meta_relation_idname_clash)."""
    errors = name_errors(name, "INVALID_FIELD_INPUT")
    if name in RESERVED:
        errors.append(cause("RESERVED_KEYWORD", RESERVED_TEXT, name))
    parts = {f"{field.name}{pascal(part)}" for field in owner.fields.values() for part in parts_of(field)}
    if name in parts:
        errors.append(cause("RESERVED_KEYWORD", f'Name "{name}" is reserved composite field name', name))
    if name in owner.fields:
        errors.append(cause("NOT_AVAILABLE", f'Name "{name}" is not available as it is already used by another field', name))
    elif name in owner.joins:
        message = f'Name "{name}" is not available as it is already used by'
        errors.append(cause("NOT_AVAILABLE", f"{message} another join column name", name, f"{message} join column name"))
    return errors
