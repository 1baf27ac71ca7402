"""Whether a schema change stands in a schema, which are ours, and the names fields go by: shared by schema, settle and rollback."""

from crosswalk.model.destination_schema import DestinationField, DestinationSchema
from crosswalk.model.schema_plan import FieldCreation, SchemaChange
from crosswalk.store.entries import Entry, Outcome
from crosswalk.store.journal import Journal


def applied_changes(journal: Journal) -> list[tuple[SchemaChange, Entry]]:
    """The changes that stand because of us, newest first."""
    found: list[tuple[SchemaChange, Entry]] = []
    for _, entries in journal.batches_backwards(kinds=("apply",)):
        for entry in reversed(entries):
            if entry.operation == "schema_apply":
                found.append((SchemaChange.model_validate((entry.before or {})["change"]), entry))
    return found


def field_name(path: str, creation: FieldCreation | None) -> str:
    """The name of the field that a leaf path belongs to: `amount.value` → amount, `bodyV2.markdown` → bodyV2, and for a
    reference `patientId` → patient (facts/twenty.md §8: a relation named patient yields the join column patientId)."""
    name = path.partition(".")[0]
    if creation is not None and creation.type == "reference" and name.endswith("Id") and len(name) > 2:
        return name[:-2]
    return name


def leaves_of(change: SchemaChange, schema: DestinationSchema) -> tuple[DestinationField, ...]:
    """The leaf fields that a created field, or the field whose options grew, has in the schema."""
    described = schema.object(change.object)
    if described is None or change.operation == "create_object":
        return ()
    return tuple(leaf for leaf in described.fields if field_name(leaf.path, change.field) == change.name)


def is_there(change: SchemaChange, schema: DestinationSchema) -> bool:
    """The change stands: its object, its field, or all of its options."""
    if change.operation == "create_object":
        return schema.object(change.object) is not None
    leaves = leaves_of(change, schema)
    if change.operation == "create_field":
        return bool(leaves)
    wanted = {value for value, _ in change.field.options} if change.field else set[str]()
    return any(wanted <= set(leaf.options) for leaf in leaves)


def is_complete(change: SchemaChange, schema: DestinationSchema) -> bool:
    """The change stands with all that belongs to it: a destination may need a second request to make a field unique, and an
    interrupted apply leaves the field without."""
    if not is_there(change, schema):
        return False
    if change.operation != "create_field" or change.field is None or not change.field.unique:
        return True
    return any(leaf.unique for leaf in leaves_of(change, schema))


def stands(change: SchemaChange, schema: DestinationSchema) -> Outcome:
    """What came of an apply, from the schema as it is. Its after-image names the object's leaves, so that an undo can tell
    fields that somebody added since."""
    if not is_there(change, schema):
        return Outcome("failed", message="not carried out")
    described = schema.object(change.object)
    return Outcome("applied", {"leaves": [leaf.path for leaf in described.fields] if described else []})


def taken_back(change: SchemaChange, schema: DestinationSchema) -> Outcome:
    """What came of an undo, from the schema as it is. Of options, none may be left."""
    if change.operation == "add_options" and change.field is not None:
        added = {value for value, _ in change.field.options}
        left = any(added & set(leaf.options) for leaf in leaves_of(change, schema))
    else:
        left = is_there(change, schema)
    return Outcome("failed", message="not carried out") if left else Outcome("undone")
