"""Reading definitions that clients send: columns, choices, labels (facts/dataverse.md §6.2-6.5)."""

import re
from collections.abc import Iterable
from typing import Any, cast

from .clock import new_id
from .errors import DataverseError
from .metadata import Column, Option, OptionSet, Row
from .metadata_shapes import ENGLISH

TYPE = re.compile(r"#?Microsoft\.Dynamics\.CRM\.(?:Complex)?(\w*?)AttributeMetadata")
# kind → what a column of it may have at most, and what it has unless told: (maximum length, default length)
LENGTHS = {"String": (4000, 100), "Memo": (1_048_576, 2000)}
RANGES: dict[str, tuple[float, float]] = {
    "Integer": (-2147483648, 2147483647),
    "BigInt": (-9223372036854775808, 9223372036854775807),
    "Decimal": (-100000000000, 100000000000),
    "Double": (-100000000000, 100000000000),
    "Money": (-922337203685477, 922337203685477),
}
PRECISIONS = {"Decimal": (2, 10), "Double": (2, 5), "Money": (2, 4)}
NAMED_LENGTHS = {"Email": 100, "Phone": 50, "Url": 200}
CREATABLE = frozenset(
    {*LENGTHS, *RANGES, "Boolean", "DateTime", "Picklist", "MultiSelectPicklist", "File", "Image", "UniqueIdentifier"}
)


def invalid(message: str, code: str = "0x80040203") -> DataverseError:
    return DataverseError(400, code, message)


def text_of(value: Any) -> str:
    """The English text of a Label, else its first one; a missing Label is empty."""
    labels = labels_of(value)
    return labels.get(ENGLISH) or next(iter(labels.values()), "")


def labels_of(value: Any) -> dict[int, str]:
    """A Label's texts by language code."""
    if not isinstance(value, dict):
        return {}
    listed = cast("list[Row]", cast("Row", value).get("LocalizedLabels") or [])
    return {int(item.get("LanguageCode", ENGLISH)): str(item.get("Label", "")) for item in listed}


def value_of(value: Any) -> Any:
    """The Value of a managed property, or what was given in its place."""
    return cast("Row", value).get("Value") if isinstance(value, dict) else value


def kind_of(body: Row) -> str:
    """The column kind that `@odata.type` names. Raises DataverseError 400."""
    match = TYPE.fullmatch(str(body.get("@odata.type", "")))
    kind = match.group(1) if match else ""
    if kind in ("Lookup", "Customer"):
        raise invalid("Lookup attributes are created with their relationship: POST RelationshipDefinitions.", "0x80048403")
    if kind not in CREATABLE:
        raise invalid("The @odata.type of the attribute is missing or cannot be created.", "0x80048d19")
    return "Uniqueidentifier" if kind == "UniqueIdentifier" else kind


def column(table: str, body: Row, first_option: int) -> Column:
    """A new column. `first_option` is where its choices' values start unless given. Raises DataverseError 400."""
    kind = kind_of(body)
    schema = str(body.get("SchemaName", ""))
    made = Column(schema.lower(), schema, kind, new_id(), is_custom=True)
    made.primary_name = bool(body.get("IsPrimaryName"))
    made.create = made.update = kind not in ("File", "Image")
    if kind in LENGTHS:
        _set_length(made, body)
    elif kind in RANGES:
        made.minimum, made.maximum = RANGES[kind]
        made.precision = PRECISIONS.get(kind, (None, None))[0]
        made.precision_source = int(body.get("PrecisionSource", 2)) if kind == "Money" else None
        if kind == "Integer":
            made.format = str(body.get("Format") or "None")
    elif kind == "DateTime":
        made.format = str(body.get("Format") or "DateAndTime")
        made.behavior = str(value_of(body.get("DateTimeBehavior")) or "UserLocal")
        if made.behavior == "DateOnly" and made.format != "DateOnly":
            raise invalid("The DateOnly behavior needs the DateOnly format.")
    elif kind in ("Picklist", "MultiSelectPicklist", "Boolean"):
        _set_choices(made, table, body, first_option)
    elif kind in ("File", "Image"):
        made.max_size_kb = int(body.get("MaxSizeInKB", 32768 if kind == "File" else 10240))
    change(made, body)
    return made


def _set_length(made: Column, body: Row) -> None:
    made.format_name = str(value_of(body.get("FormatName")) or ("Text" if made.kind == "String" else "TextArea"))
    made.format = made.format_name if made.format_name in ("Email", "Phone", "Url", "Text", "TextArea") else "Text"
    made.max_length = NAMED_LENGTHS.get(made.format_name, LENGTHS[made.kind][1])


def _set_choices(made: Column, table: str, body: Row, first_option: int) -> None:
    given = cast("Row", body.get("OptionSet") or {})
    name = f"{table}_{made.logical}"
    made.options = OptionSet(name, new_id(), [], is_custom=True, display=text_of(body.get("DisplayName")))
    if made.kind == "Boolean":
        sides = (("TrueOption", 1, "Yes"), ("FalseOption", 0, "No"))
        named = ((value, text_of(cast("Row", given.get(side) or {}).get("Label")) or usual) for side, value, usual in sides)
        made.options.options = [Option(value, label) for value, label in named]
        made.default = bool(body.get("DefaultValue", False))
        return
    made.options.options = list(options(given.get("Options") or [], first_option))
    default = body.get("DefaultFormValue")
    made.default = default if isinstance(default, int) and default >= 0 else None


def options(given: Iterable[Row], first_option: int) -> Iterable[Option]:
    """Choices in the order given; those without a value are numbered on. Raises DataverseError 400 for a value given twice."""
    taken: set[int] = set()
    for item in given:
        value = item.get("Value")
        if value is None:
            value = first_option
            while value in taken:
                value += 1
        if value in taken:
            raise invalid("The picklist value already exists.  Picklist values must be unique.", "0x80044310")
        taken.add(value)
        yield option(value, item)


def option(value: int, item: Row) -> Option:
    labels = labels_of(item.get("Label"))
    if not any(labels.values()):
        raise invalid("An option needs a Label.")
    others = {code: text for code, text in labels.items() if code != ENGLISH}
    english = labels.get(ENGLISH) or next(iter(labels.values()))
    return Option(value, english, text_of(item.get("Description")), translations=others)


def change(made: Column, body: Row) -> None:
    """Take over what may be changed later too. Raises DataverseError 400 for what the platform does not allow."""
    if "DisplayName" in body:
        made.display = text_of(body["DisplayName"])
    if "Description" in body:
        made.description = text_of(body["Description"])
    if body.get("RequiredLevel") is not None:
        made.required = str(value_of(body["RequiredLevel"]) or "None")
    if made.kind in LENGTHS and body.get("MaxLength") is not None:
        length, most = int(body["MaxLength"]), LENGTHS[made.kind][0]
        if not 1 <= length <= most:
            raise invalid(f"The MaxLength of '{made.logical}' must be between 1 and {most}.")
        made.max_length = length
    if made.kind in RANGES:
        made.minimum = made.minimum if body.get("MinValue") is None else body["MinValue"]
        made.maximum = made.maximum if body.get("MaxValue") is None else body["MaxValue"]
    if made.kind in PRECISIONS and body.get("Precision") is not None:
        most = PRECISIONS[made.kind][1]
        if not 0 <= int(body["Precision"]) <= most:
            raise invalid(f"The Precision of '{made.logical}' must be between 0 and {most}.")
        made.precision = int(body["Precision"])
