"""The metadata API's refusals: one cause and, for objects, the fallout that follows it (facts/twenty.md §8)."""

from typing import Any

from .errors import PlainAnswer
from .ids import new_id
from .schema import ObjectType, Row
from .standard import CUSTOM_LINKS, CUSTOM_ORDER

RESERVED = [
    "type",
    "types",
    "event",
    "events",
    "address",
    "addresses",
    "link",
    "links",
    "field",
    "fields",
    "object",
    "objects",
    "currency",
    "currencies",
    "plan",
    "plans",
    "role",
    "roles",
    "user",
    "users",
    "job",
    "jobs",
    "workspace",
    "workspaces",
    "index",
    "relation",
    "relations",
    "search",
    "searches",
    "aggregate",
    "fullNames",
    "billingCustomer",
    "billingSubscription",
    "featureFlag",
    "featureFlags",
    "pageLayout",
    "pageLayouts",
    "approvedAccessDomain",
    "keyValuePair",
]
RESERVED_TEXT = 'This name is reserved. Use a different name or the system will add "Custom" suffix.'
BAD_NAME = "Name is not valid: it must start with lowercase letter and contain only alphanumeric letters"
MULTIPLE = "Multiple validation errors occurred while"


def cause(code: str, message: str, value: Any = None, friendly: str | None = None) -> Row:
    """One reason, as it stands under `errors`."""
    entry: Row = {"code": code, "message": message, "userFriendlyMessage": friendly or message}
    if value is not None:
        entry["value"] = value
    return entry


def _entry(what: str, errors: list[Row], about: Row, operation: str = "create") -> Row:
    return {
        "status": "fail",
        "errors": errors,
        "flatEntityMinimalInformation": {"universalIdentifier": new_id(), **about},
        "metadataName": what,
        "type": operation,
    }


def refusal(message: str, entries: list[Row]) -> PlainAnswer:
    """METADATA_VALIDATION_ERROR with its entries grouped by what they are about."""
    errors: dict[str, list[Row]] = {}
    for entry in entries:
        errors.setdefault(entry["metadataName"], []).append(entry)
    summary = {"totalErrors": len(entries), **{name: len(group) for name, group in errors.items()}}
    friendly = "Many validation errors" if len(entries) > 1 else entries[0]["errors"][0]["userFriendlyMessage"]
    body = {
        "statusCode": 400,
        "error": "METADATA_VALIDATION_ERROR",
        "message": message,
        "errors": errors,
        "summary": summary,
        "userFriendlyMessage": friendly,
    }
    return PlainAnswer(400, body)


def _view_field(view: str, *, lost_view: bool = False) -> Row:
    errors = [cause("INVALID_VIEW_DATA", "Field metadata not found")]
    if lost_view:
        errors.append(cause("INVALID_VIEW_DATA", "View not found"))
    return _entry("viewField", errors, {"viewUniversalIdentifier": view, "fieldMetadataUniversalIdentifier": new_id()})


def bad_field(owner: ObjectType, name: str, errors: list[Row]) -> PlainAnswer:
    """A field that cannot be created, with the two views that miss it (transcripts meta_create_field_*)."""
    about = {"name": name, "objectMetadataUniversalIdentifier": owner.universal_id}
    entries = [_entry("fieldMetadata", errors, about), _view_field(new_id()), _view_field(new_id())]
    return refusal(f"{MULTIPLE} creating fields", entries)


def bad_field_change(owner: ObjectType, name: str, errors: list[Row], operation: str) -> PlainAnswer:
    """A field that cannot be changed or deleted (transcript meta_field_delete_label_identifier)."""
    about = {"name": name, "objectMetadataUniversalIdentifier": owner.universal_id}
    return refusal(f"{MULTIPLE} {operation[:-1]}ing field", [_entry("fieldMetadata", errors, about, operation)])


def bad_relation(payload: Any, message: str) -> PlainAnswer:
    """A relationCreationPayload of the wrong shape (transcript meta_relation_noicon)."""
    text = f"Relation creation payload is invalid: {message}"
    error = cause("FIELD_METADATA_RELATION_MALFORMED", text, payload, "Invalid relation creation payload")
    entry = {"errors": [error], "type": "create", "metadataName": "fieldMetadata", "flatEntityMinimalInformation": {"id": ""}}
    return refusal(f"{MULTIPLE} creating field", [entry])


def bad_object(name: str, plural: str, errors: list[Row], links: dict[str, str], *, exists: bool) -> PlainAnswer:
    """An object that cannot be created, with the fallout on its fields, views and indexes (transcripts meta_object_*).

    `links` maps the objects that would have pointed at it to their universal ids.
    """
    about = {"namePlural": plural, "nameSingular": name}
    owner = new_id()
    lost = cause("OBJECT_METADATA_NOT_FOUND", "Object metadata not found", None, "Field to create related object not found")
    lost_target = cause(
        "OBJECT_METADATA_NOT_FOUND",
        "Relation target object metadata not found",
        None,
        "Object targeted by the relation not found",
    )
    own = [*CUSTOM_ORDER, *(reverse for _, reverse, *_ in CUSTOM_LINKS)]
    entries = [_entry("fieldMetadata", [lost], {"name": field, "objectMetadataUniversalIdentifier": owner}) for field in own]
    target = f"target{name[:1].upper()}{name[1:]}"
    taken = cause("NOT_AVAILABLE", f'Name "{target}" is not available as it is already used by another field', target)
    for universal in links.values():
        about_link = {"name": target, "objectMetadataUniversalIdentifier": universal}
        entries.append(_entry("fieldMetadata", [taken, lost_target] if exists else [lost_target], about_link))
    entries.append(_entry("objectMetadata", errors, {"universalIdentifier": owner, **about}))
    views = [new_id(), new_id()]
    entries += [
        _entry("view", [cause("INVALID_VIEW_DATA", "Object metadata not found")], {"universalIdentifier": view}) for view in views
    ]
    entries += [_view_field(views[place > 4], lost_view=True) for place in range(9)]
    return refusal(f"{MULTIPLE} creating object", [*entries, *_lost_indexes(len(links), exists=exists), _lost_search(owner)])


def _index_name() -> Row:
    return {"name": f"IDX_{new_id().replace('-', '')[:27]}"}


def _lost_indexes(links: int, *, exists: bool) -> list[Row]:
    lost = cause(
        "INDEX_FIELD_NOT_FOUND",
        "Could not find index field related field metadata",
        None,
        "Field referenced in index does not exist",
    )
    taken = cause("INDEX_ALREADY_EXISTS", "Index with same name already exists")
    no_object = cause(
        "INDEX_OBJECT_NOT_FOUND", "Could not find index related object metadata", None, "Index related object not found"
    )
    joined = [_entry("index", [taken, lost] if exists else [lost], _index_name()) for _ in range(links)]
    return [*joined, _entry("index", [no_object, lost], _index_name())]


def _lost_search(owner: str) -> Row:
    errors = [
        cause("FIELD_METADATA_NOT_FOUND", "Field metadata not found"),
        cause("TS_VECTOR_FIELD_METADATA_NOT_FOUND", "TS_VECTOR field metadata not found", None, "Search vector field not found"),
        cause("OBJECT_METADATA_NOT_FOUND", "Object metadata not found"),
    ]
    return _entry("searchFieldMetadata", errors, {"objectMetadataUniversalIdentifier": owner})


def bad_request(*messages: str) -> PlainAnswer:
    """A body of the wrong shape (transcripts meta_create_field_bad_type, meta_create_field_missing_label)."""
    return PlainAnswer(400, {"message": list(messages), "error": "Bad Request", "statusCode": 400})


def failed_migration(operation: str, what: str) -> PlainAnswer:
    """What the database refused after validation: HTTP 500 with a text (transcript meta_create_field_notnull_text)."""
    return PlainAnswer(500, f"Migration action '{operation}' for '{what}' (universalIdentifier: {new_id()}) failed")
