"""What a schema change does to the memory destination's schema, and back."""

from crosswalk.model.destination_schema import DestinationField, DestinationObject, DestinationSchema
from crosswalk.model.errors import RejectedError
from crosswalk.model.schema_plan import FieldCreation, ObjectCreation, SchemaChange


def applied(change: SchemaChange, schema: DestinationSchema) -> DestinationSchema:
    """The schema after a change; a change that stands leaves it as it is."""
    if change.operation == "create_object":
        if schema.object(change.object) is not None or change.created_object is None:
            return schema
        return schema.with_objects([created(change.created_object)])
    described = schema.object(change.object)
    if described is None or change.field is None:
        raise RejectedError(f"there is no object {change.object}", "not_found")
    fields = _with_options(described, change) if change.operation == "add_options" else _with_field(described, change)
    return _replaced(schema, described, fields)


def created(asked: ObjectCreation) -> DestinationObject:
    """A new object, with the one field that comes with it."""
    plain = DestinationField(path="name", type="text")
    return DestinationObject(name=asked.name, singular=asked.singular, label=asked.label, custom=True, fields=(plain,))


def undone(change: SchemaChange, schema: DestinationSchema) -> DestinationSchema:
    """The schema without what a change made."""
    if change.operation == "create_object":
        return schema.model_copy(update={"objects": tuple(item for item in schema.objects if item.name != change.object)})
    described = schema.object(change.object)
    if described is None or change.field is None:
        return schema
    if change.operation == "add_options":
        added = {value for value, _ in change.field.options}
        fields = tuple(
            leaf.model_copy(update={"options": tuple(item for item in leaf.options if item not in added)})
            if leaf.path == change.name
            else leaf
            for leaf in described.fields
        )
        return _replaced(schema, described, fields)
    made = {leaf.path for leaf in leaves(change.name, change.field)}
    return _replaced(schema, described, tuple(leaf for leaf in described.fields if leaf.path not in made))


def leaves(name: str, creation: FieldCreation) -> tuple[DestinationField, ...]:
    """The leaf fields that a created field becomes: `amount.value` for money, `patientId` for a reference."""
    if creation.type == "money":
        parts = (DestinationField(path=f"{name}.value", type="money"), DestinationField(path=f"{name}.currencyCode", type="text"))
    elif creation.type == "rich_text":
        parts = (DestinationField(path=f"{name}.markdown", type="rich_text"),)
    elif creation.type == "reference":
        parts = (DestinationField(path=f"{name}Id", type="reference", to_object=creation.to),)
    else:
        options = tuple(value for value, _ in creation.options)
        parts = (DestinationField(path=name, type=creation.type, unique=creation.unique, options=options),)
    return tuple(part.model_copy(update={"label": creation.label, "custom": True}) for part in parts)


def _with_field(described: DestinationObject, change: SchemaChange) -> tuple[DestinationField, ...]:
    """With the field's leaves; one that stands becomes unique where that is asked."""
    made = {leaf.path: leaf for leaf in leaves(change.name, change.field)} if change.field else {}
    unique = {path for path, leaf in made.items() if leaf.unique}
    known = tuple(leaf.model_copy(update={"unique": True}) if leaf.path in unique else leaf for leaf in described.fields)
    return (*known, *(leaf for path, leaf in made.items() if path not in {leaf.path for leaf in known}))


def _with_options(described: DestinationObject, change: SchemaChange) -> tuple[DestinationField, ...]:
    wanted = [value for value, _ in change.field.options] if change.field else []
    return tuple(
        leaf.model_copy(update={"options": (*leaf.options, *(value for value in wanted if value not in leaf.options))})
        if leaf.path == change.name
        else leaf
        for leaf in described.fields
    )


def with_fields(described: DestinationObject, fields: tuple[DestinationField, ...]) -> DestinationObject:
    """The object with other fields. Made anew: a copy would carry the old one's look-up of its leaves along."""
    return DestinationObject(
        name=described.name,
        singular=described.singular,
        label=described.label,
        custom=described.custom,
        system=described.system,
        fields=fields,
    )


def _replaced(schema: DestinationSchema, old: DestinationObject, fields: tuple[DestinationField, ...]) -> DestinationSchema:
    objects = tuple(with_fields(item, fields) if item.name == old.name else item for item in schema.objects)
    return schema.model_copy(update={"objects": objects})
