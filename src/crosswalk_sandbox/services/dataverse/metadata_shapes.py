"""Metadata as the Web API shows it: one JSON object per table, column, key, relationship and choice (facts/dataverse.md §6)."""

from typing import Any

from .metadata import Column, Key, ManyToMany, Option, OptionSet, Relationship, Table

Json = dict[str, Any]
ENGLISH = 1033
CRM = "#Microsoft.Dynamics.CRM."
METADATA_TYPES = {
    "Uniqueidentifier": "UniqueIdentifier",
    "Customer": "Lookup",
    "Owner": "Lookup",
    "PartyList": "Lookup",
    "CalendarRules": "",
    "Virtual": "",
}
# What AttributeType says of the kinds that came after it was fixed.
OLD_TYPES = {"MultiSelectPicklist": "Virtual", "File": "Virtual", "Image": "Virtual"}
CASCADES = ("Assign", "Delete", "Archive", "Merge", "Reparent", "Share", "Unshare", "RollupView")


def label(text: str, translations: dict[int, str] | None = None) -> Json:
    """A Label; an empty text has no labels at all."""
    known = ({ENGLISH: text} if text else {}) | (translations or {})
    listed = [{"Label": value, "LanguageCode": code, "IsManaged": False, "MetadataId": None} for code, value in known.items()]
    return {"LocalizedLabels": listed, "UserLocalizedLabel": listed[0] if listed else None}


def managed(value: Any, name: str = "") -> Json:
    return {"Value": value, "CanBeChanged": True, "ManagedPropertyLogicalName": name}


def table_shape(table: Table) -> Json:
    """An EntityMetadata without its columns, keys and relationships."""
    return {
        "MetadataId": table.metadata_id,
        "LogicalName": table.logical,
        "SchemaName": table.schema,
        "EntitySetName": table.entity_set,
        "LogicalCollectionName": table.entity_set,
        "CollectionSchemaName": table.entity_set,
        "PrimaryIdAttribute": table.primary_id,
        "PrimaryNameAttribute": table.primary_name,
        "PrimaryImageAttribute": None,
        "ObjectTypeCode": table.object_type_code,
        "OwnershipType": table.ownership,
        "TableType": "Standard",
        "DisplayName": label(table.display),
        "DisplayCollectionName": label(table.display_collection),
        "Description": label(table.description),
        "IsCustomEntity": table.is_custom,
        "IsActivity": table.is_activity,
        "IsActivityParty": table.has_activities or table.logical == "systemuser",
        "IsIntersect": table.is_intersect,
        "IsPrivate": False,
        "IsLogicalEntity": False,
        "IsManaged": not table.is_custom,
        "IsBPFEntity": False,
        "IsValidForAdvancedFind": True,
        "HasNotes": table.has_notes,
        "HasActivities": table.has_activities,
        "HasFeedback": False,
        "HasChanged": None,
        "ChangeTrackingEnabled": table.change_tracking,
        "IsOptimisticConcurrencyEnabled": True,
        "IsDuplicateDetectionEnabled": managed(table.duplicate_detection, "canmodifyduplicatedetectionsettings"),
        "IsAuditEnabled": managed(False, "canmodifyauditsettings"),
        "IsCustomizable": managed(True, "iscustomizable"),
        "CanCreateAttributes": managed(True, "cancreateattributes"),
        "CanModifyAdditionalSettings": managed(True, "canmodifyadditionalsettings"),
        "DataProviderId": None,
        "IntroducedVersion": "1.0" if table.is_custom else "5.0.0.0",
    }


def column_shape(table: Table, column: Column) -> Json:
    """An AttributeMetadata with the properties of its own type; choices come by `$expand` (option_sets)."""
    kind = METADATA_TYPES.get(column.kind, column.kind)
    shape: Json = {
        "@odata.type": f"{CRM}{kind}AttributeMetadata",
        "MetadataId": column.metadata_id,
        "LogicalName": column.logical,
        "SchemaName": column.schema,
        "EntityLogicalName": table.logical,
        "AttributeType": OLD_TYPES.get(column.kind, column.kind),
        "AttributeTypeName": {"Value": f"{column.kind}Type"},
        "AttributeOf": column.attribute_of,
        "DisplayName": label(column.display),
        "Description": label(column.description),
        "RequiredLevel": managed(column.required, "canmodifyrequirementlevelsettings"),
        "IsCustomAttribute": column.is_custom,
        "IsManaged": not column.is_custom,
        "IsPrimaryId": column.primary_id,
        "IsPrimaryName": column.primary_name,
        "IsValidForCreate": column.create,
        "IsValidForUpdate": column.update,
        "IsValidForRead": column.read,
        "IsValidODataAttribute": column.logical in table.columns and column.property_name in table.properties,
        "IsLogical": column.attribute_of is not None,
        "IsSecured": False,
        "IsSearchable": False,
        "IsFilterable": True,
        "IsRetrievable": True,
        "IsAuditEnabled": managed(True, "canmodifyauditsettings"),
        "IsCustomizable": managed(True, "iscustomizable"),
        "IsRenameable": managed(True, "isrenameable"),
        "SourceType": 0,
        "HasChanged": None,
        "IntroducedVersion": "1.0" if column.is_custom else "5.0.0.0",
    }
    return shape | typed(column)


def typed(column: Column) -> Json:
    """The properties that only the column's own type has."""
    kind = column.kind
    if kind in ("String", "Memo"):
        named = column.format_name or ("Text" if kind == "String" else "TextArea")
        shape: Json = {"MaxLength": column.max_length, "Format": column.format or named, "FormatName": {"Value": named}}
        return shape | {"ImeMode": "Auto", "DatabaseLength": (column.max_length or 0) * 2}
    if kind in ("Integer", "BigInt"):
        low, high = column.minimum, column.maximum
        shape = {"MinValue": None if low is None else int(low), "MaxValue": None if high is None else int(high)}
        return shape | ({"Format": column.format or "None"} if kind == "Integer" else {})
    if kind in ("Decimal", "Double", "Money"):
        shape = {"MinValue": column.minimum, "MaxValue": column.maximum, "Precision": column.precision, "ImeMode": "Disabled"}
        base = column.logical.endswith("_base")
        money = {"PrecisionSource": column.precision_source, "IsBaseCurrency": base, "CalculationOf": None}
        return shape | (money if kind == "Money" else {})
    if kind == "DateTime":
        behavior = column.behavior or "UserLocal"
        return {"Format": column.format or "DateAndTime", "DateTimeBehavior": {"Value": behavior}, "ImeMode": "Auto"}
    if column.is_lookup or kind == "PartyList":
        return {"Targets": column.targets, "Format": "None"}
    if kind == "Boolean":
        return {"DefaultValue": bool(column.default)}
    if column.options is not None:
        return {"DefaultFormValue": -1 if column.default is None else column.default}
    return {"MaxSizeInKB": column.max_size_kb} if kind in ("File", "Image") else {}


def option_sets(column: Column) -> Json:
    """What `$expand=OptionSet,GlobalOptionSet` shows: the one or the other, and null."""
    options = column.options
    if options is None:
        return {"OptionSet": None, "GlobalOptionSet": None}
    shape = option_set_shape(options, column.kind)
    return {"OptionSet": None if options.is_global else shape, "GlobalOptionSet": shape if options.is_global else None}


def option_set_shape(options: OptionSet, kind: str = "Picklist") -> Json:
    """An OptionSetMetadata, or a BooleanOptionSetMetadata."""
    kind = "Picklist" if kind == "MultiSelectPicklist" else kind
    shape: Json = {
        "@odata.type": f"{CRM}{'Boolean' if kind == 'Boolean' else ''}OptionSetMetadata",
        "MetadataId": options.metadata_id,
        "Name": options.name,
        "DisplayName": label(options.display),
        "Description": label(""),
        "IsGlobal": options.is_global,
        "IsCustomOptionSet": options.is_custom,
        "IsManaged": not options.is_custom,
        "OptionSetType": kind,
        "IsCustomizable": managed(True, "iscustomizable"),
        "HasChanged": None,
    }
    if kind == "Boolean":
        sides = {option.value: option_shape(option, kind) for option in options.options}
        return shape | {"TrueOption": sides.get(1), "FalseOption": sides.get(0)}
    return shape | {"Options": [option_shape(option, kind) for option in options.options]}


def option_shape(option: Option, kind: str) -> Json:
    """One OptionMetadata, with its state or default status where it has one."""
    shape: Json = {
        "Value": option.value,
        "Label": label(option.label, option.translations),
        "Description": label(option.description),
        "Color": None,
        "IsManaged": False,
        "ExternalValue": None,
        "MetadataId": None,
        "HasChanged": None,
        "ParentValues": [],
    }
    if kind == "State":
        extra: Json = {"@odata.type": f"{CRM}StateOptionMetadata", "DefaultStatus": option.default_status}
        return extra | shape | {"InvariantName": option.label}
    if kind == "Status":
        return {"@odata.type": f"{CRM}StatusOptionMetadata", "State": option.state, "TransitionData": None} | shape
    return shape


def key_shape(table: Table, key: Key) -> Json:
    """An EntityKeyMetadata (facts §6.6)."""
    return {
        "MetadataId": key.metadata_id,
        "SchemaName": key.schema,
        "LogicalName": key.logical,
        "EntityLogicalName": table.logical,
        "DisplayName": label(key.display),
        "KeyAttributes": key.columns,
        "EntityKeyIndexStatus": key.status,
        "IsManaged": False,
        "IsCustomizable": managed(True, "iscustomizable"),
        "IsSynchronous": False,
        "IsExportKey": False,
        "IsSecondaryKey": False,
        "HasChanged": None,
        "IntroducedVersion": "1.0",
    }


def relationship_shape(item: Relationship) -> Json:
    """A OneToManyRelationshipMetadata."""
    return {
        "@odata.type": f"{CRM}OneToManyRelationshipMetadata",
        "MetadataId": item.metadata_id,
        "SchemaName": item.schema,
        "RelationshipType": "OneToManyRelationship",
        "ReferencedEntity": item.referenced,
        "ReferencedAttribute": item.referenced_column,
        "ReferencingEntity": item.referencing,
        "ReferencingAttribute": item.column,
        "ReferencedEntityNavigationPropertyName": item.collection,
        "ReferencingEntityNavigationPropertyName": item.navigation,
        "CascadeConfiguration": {name: item.cascade.get(name, "NoCascade") for name in CASCADES},
        "IsCustomRelationship": item.is_custom,
        "IsHierarchical": item.referenced == item.referencing and item.cascade.get("Assign") == "Cascade",
        "IsManaged": not item.is_custom,
        "IsValidForAdvancedFind": True,
        "SecurityTypes": "Append" if item.is_custom else "ParentChild",
        "EntityKey": None,
        "HasChanged": None,
        "IntroducedVersion": "1.0" if item.is_custom else "5.0.0.0",
        "IsCustomizable": managed(True, "iscustomizable"),
    }


def many_to_many_shape(item: ManyToMany) -> Json:
    """A ManyToManyRelationshipMetadata."""
    return {
        "@odata.type": f"{CRM}ManyToManyRelationshipMetadata",
        "MetadataId": item.metadata_id,
        "SchemaName": item.schema,
        "RelationshipType": "ManyToManyRelationship",
        "Entity1LogicalName": item.first,
        "Entity2LogicalName": item.second,
        "IntersectEntityName": item.intersect,
        "Entity1NavigationPropertyName": item.first_navigation,
        "Entity2NavigationPropertyName": item.second_navigation,
        "IsCustomRelationship": item.is_custom,
        "IsManaged": not item.is_custom,
        "IsValidForAdvancedFind": True,
        "SecurityTypes": "None",
        "HasChanged": None,
    }
