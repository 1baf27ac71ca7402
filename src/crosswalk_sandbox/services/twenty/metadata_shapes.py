"""Objects and fields as the metadata API shows them (transcripts meta_get_object, meta_create_field_*, meta_gql_createObject)."""

from collections.abc import Callable

from .schema import Field, ObjectType, Row
from .standard import WORKSPACE_ID

Lookup = Callable[[str], Field | None]


def field_json(field: Field, *, written: bool = False) -> Row:
    """A field; answers to writes also name an absent default and absent options as null."""
    shape: Row = {
        "id": field.id,
        "universalIdentifier": field.universal_id,
        "applicationId": field.application_id,
        "type": field.type,
        "name": field.name,
        "label": field.label,
        "isActive": field.active,
        "isSystem": field.system,
        "isUIEditable": field.editable,
        "isUIReadOnly": not field.editable,
        "isNullable": field.nullable,
        "isUnique": field.unique,
        "workspaceId": WORKSPACE_ID,
        "objectMetadataId": field.object_id,
        "isLabelSyncedWithName": field.label_synced,
        "createdAt": field.created_at,
        "updatedAt": field.updated_at,
    }
    optional = {
        "description": field.description,
        "icon": field.icon,
        "defaultValue": field.default,
        "options": field.options,
        "settings": field.settings,
    }
    for name, value in optional.items():
        if value is not None or (written and name in ("defaultValue", "options")):
            shape[name] = value
    return shape


def object_json(kind: ObjectType, *, fields: bool = True, written: bool = False) -> Row:
    """An object, with its fields unless it was just deleted."""
    shape: Row = {
        "id": kind.id,
        "universalIdentifier": kind.universal_id,
        "applicationId": kind.application_id,
        "nameSingular": kind.name,
        "namePlural": kind.plural,
        "labelSingular": kind.label,
        "labelPlural": kind.label_plural,
        "isRemote": False,
        "isActive": kind.active,
        "isSystem": kind.system,
        "isUIEditable": True,
        "isUICreatable": kind.creatable,
        "isUIReadOnly": False,
        "isSearchable": kind.searchable,
        "isLabelSyncedWithName": kind.label_synced,
        "workspaceId": WORKSPACE_ID,
        "labelIdentifierFieldMetadataId": kind.label_identifier_id,
        "createdAt": kind.created_at,
        "updatedAt": kind.updated_at,
    }
    optional = {
        "description": kind.description,
        "icon": kind.icon,
        "shortcut": kind.shortcut,
        "imageIdentifierFieldMetadataId": kind.image_identifier_id,
        "duplicateCriteria": kind.duplicate_criteria,
    }
    for name, value in optional.items():
        if value is not None or (written and name == "imageIdentifierFieldMetadataId"):
            shape[name] = value
    if fields:
        shape["fields"] = [field_json(field) for field in kind.fields.values()]
    return shape


def relation_json(field: Field, kinds: dict[str, ObjectType], find: Lookup) -> Row | None:
    """GraphQL's `relation` of a field: its kind and both ends; REST does not show it."""
    owner, target = kinds.get(field.object_id), kinds.get(field.target_object_id or "")
    other = find(field.target_field_id or "")
    if not field.is_relation or owner is None or target is None or other is None:
        return None
    return {
        "type": (field.settings or {}).get("relationType"),
        "sourceObjectMetadata": object_json(owner, fields=False),
        "targetObjectMetadata": object_json(target, fields=False),
        "sourceFieldMetadata": field_json(field),
        "targetFieldMetadata": field_json(other),
    }
