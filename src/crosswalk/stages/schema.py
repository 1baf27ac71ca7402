"""Schema: what the map needs that the destination lacks, applied in order and journaled, and taken back (E2, E10)."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

from crosswalk.model.destination_schema import DestinationSchema
from crosswalk.model.errors import CrosswalkError, RejectedError, UncertainError
from crosswalk.model.finding import Finding
from crosswalk.model.mapping import Mapping
from crosswalk.model.schema_plan import FieldCreation, SchemaChange
from crosswalk.model.values import Values
from crosswalk.spi.destination import Destination
from crosswalk.stages._schema_state import applied_changes, field_name, is_complete, is_there, stands
from crosswalk.store.entries import Intent, Outcome
from crosswalk.store.journal import Journal

__all__ = ["SchemaPlanning", "apply_schema", "field_name", "plan_schema"]

ATTEMPTS = 5
SCHEMA_RECORD = "schema"


@dataclass(frozen=True, slots=True)
class SchemaPlanning:
    """The changes to make, in order, and what stands in their way."""

    changes: tuple[SchemaChange, ...]
    findings: tuple[Finding, ...]


def plan_schema(mapping: Mapping, schema: DestinationSchema, begun: DestinationSchema) -> SchemaPlanning:
    """Objects first, then plain fields and options, then references. What stands already as asked is no change; a field that
    stands with another type blocks (`field_type_differs`). `begun` is the schema with the objects to create as they will be
    right after: the fields that come with them are no changes."""
    written = {record.to for record in mapping.active().values()}
    objects = [
        SchemaChange(operation="create_object", object=item.name, name=item.name, created_object=item)
        for item in mapping.objects
        if item.name in written and schema.object(item.name) is None
    ]
    fields: dict[tuple[str, str], SchemaChange] = {}
    findings: list[Finding] = []
    for record in mapping.active().values():
        for path, mapped in record.fields.items():
            if mapped.create is None:
                continue
            change = _change_for(record.to, path, mapped.create, begun, findings)
            if change is not None:
                place = (change.object, change.name)
                fields[place] = _both(fields.get(place), change)
    plain = [change for change in fields.values() if change.field is None or change.field.type != "reference"]
    references = [change for change in fields.values() if change.field is not None and change.field.type == "reference"]
    return SchemaPlanning((*objects, *plain, *references), tuple(findings))


def _change_for(
    object_name: str, path: str, creation: FieldCreation, schema: DestinationSchema, findings: list[Finding]
) -> SchemaChange | None:
    name = field_name(path, creation)
    described = schema.object(object_name)
    leaf = described.field(path) if described else None
    if leaf is None:
        return SchemaChange(operation="create_field", object=object_name, name=name, field=creation)
    if leaf.type != creation.type or (creation.to is not None and leaf.to_object != creation.to):
        findings.append(
            Finding(
                code="field_type_differs",
                severity="blocking",
                acceptable=False,
                object=object_name,
                field=path,
                message=f"{object_name}.{path} stands in the destination as {leaf.type}; the map needs {creation.type}",
                remedy="Give the field another name in mapping.yaml, or change the field in the destination.",
            )
        )
        return None
    if creation.unique and not leaf.unique:
        findings.append(
            Finding(
                code="field_not_unique",
                severity="warning",
                object=object_name,
                field=path,
                message=f"{object_name}.{path} stands in the destination, but does not keep its values unique, as the map asks",
                remedy="Make it unique there, or roll back what an interrupted apply left and plan again.",
            )
        )
    missing = tuple(option for option in creation.options if option[0] not in leaf.options)
    if not missing:
        return None
    added = creation.model_copy(update={"options": missing})
    return SchemaChange(operation="add_options", object=object_name, name=name, field=added)


def _both(one: SchemaChange | None, other: SchemaChange) -> SchemaChange:
    """Two records may write one field: it gets the options of both."""
    if one is None or one.field is None or other.field is None:
        return other
    known = {value for value, _ in one.field.options}
    options = (*one.field.options, *(option for option in other.field.options if option[0] not in known))
    return one.model_copy(update={"field": one.field.model_copy(update={"options": options})})


async def apply_schema(
    changes: Sequence[SchemaChange], *, destination: Destination, journal: Journal, run: int, schema: DestinationSchema
) -> DestinationSchema:
    """Carry the changes out in order, each journaled before it is asked for and read back after; the schema then.

    A change that stands already (somebody made it since the plan) is passed over and is not ours to undo; one of ours that an
    interruption left half done is finished. Raises RejectedError in the destination's words, UnreachableError: what was applied
    by then is in the journal, call again.
    """
    ours = {change.label() for change, _ in applied_changes(journal)}
    for change in changes:
        if not is_there(change, schema) or (change.label() in ours and not is_complete(change, schema)):
            schema = await _apply_one(change, destination=destination, journal=journal, run=run, schema=schema)
    return schema


async def _apply_one(
    change: SchemaChange, *, destination: Destination, journal: Journal, run: int, schema: DestinationSchema
) -> DestinationSchema:
    for _ in range(ATTEMPTS):
        batch = await journal.open_batch(run, [_intent(change)])
        try:
            schema = await destination.apply(change, schema)
        except RejectedError as refusal:
            await journal.close_batch(batch, [_refused(change, refusal, await destination.describe())])
            raise
        except UncertainError:
            schema = await destination.describe()
        outcome = stands(change, schema)
        await journal.close_batch(batch, [outcome])
        if outcome.state == "applied" and is_complete(change, schema):
            return schema
    raise CrosswalkError(
        f"{change.label()} was asked for {ATTEMPTS} times and does not stand", "See the destination's own log, then call again."
    )


def _refused(change: SchemaChange, refusal: RejectedError, schema: DestinationSchema) -> Outcome:
    """What came of a refused change: a field may stand though what should make it unique was refused, and is ours to undo."""
    words = f"{refusal.code}: {refusal.message}"
    left = stands(change, schema)
    made = left.state == "applied" and refusal.code != "conflict"  # somebody else's stands in its place
    return replace(left, message=words) if made else Outcome("rejected", message=words)


def _intent(change: SchemaChange) -> Intent:
    """The change itself is the before-image, so that an undo needs nothing but the journal."""
    label = change.label()
    before: Values = {"change": change.model_dump(mode="json")}
    return Intent("schema_apply", SCHEMA_RECORD, change.object, label, SCHEMA_RECORD, label, "", "", before)
