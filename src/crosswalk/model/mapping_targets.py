"""What a mapping aims at: the type each leaf will have once the plan is applied, and the order records can load in."""

from collections.abc import Collection
from graphlib import CycleError, TopologicalSorter

from crosswalk.model.artefact import digest_of
from crosswalk.model.destination_schema import DestinationSchema, FieldType
from crosswalk.model.errors import UsageError
from crosswalk.model.mapping import FieldMapping, Mapping, RecordMapping


def leaf_type(field: FieldMapping, record: RecordMapping, path: str, schema: DestinationSchema) -> FieldType:
    """The neutral type of a leaf: what `create` asks for, else what the destination says, else text.

    Parts of a field that the plan is about to create (`amount.currencyCode`) are text: preflight checks that they will exist.
    """
    if field.create is not None:
        return field.create.type
    target = schema.object(record.to)
    leaf = target.field(path) if target else None
    return leaf.type if leaf else "text"


def waves(mapping: Mapping) -> dict[str, int]:
    """Record → wave: a record loads after every record it looks up (E4). Raises UsageError on a cycle."""
    records = mapping.active()
    parents = {name: {field.lookup for field in record.fields.values() if field.lookup} for name, record in records.items()}
    for name, wanted in parents.items():
        if missing := sorted(parent for parent in wanted if parent not in records):
            raise UsageError(
                f"mapping.yaml: record {name} looks up {', '.join(missing)}, which the map does not have (or has switched off)",
                "Correct the lookup, or enable that record.",
            )
    try:
        order = list(TopologicalSorter(parents).static_order())
    except CycleError as error:
        cycle = " → ".join(str(item) for item in error.args[1])
        raise UsageError(f"mapping.yaml: records look each other up in a circle: {cycle}", "Remove one of the lookups.") from None
    depth: dict[str, int] = {}
    for name in order:
        depth[name] = 1 + max((depth[parent] for parent in parents[name]), default=0)
    return depth


def field_name(path: str, field: FieldMapping | None = None) -> str:
    """The field a leaf belongs to, as a plan names it: `amount` of `amount.value`, `patient` of the reference `patientId`."""
    name = path.partition(".")[0]
    is_reference = field is not None and field.create is not None and field.create.type == "reference"
    return name.removesuffix("Id") if is_reference else name


def touched_digest(mapping: Mapping, schema: DestinationSchema, without: Collection[tuple[str, str]] = ()) -> str:
    """The digest of what the map touches in a destination, so that drift elsewhere does not matter.

    `without` names (object, field) pairs left out: what a plan creates, since an applied plan must not make itself stale.
    """
    touched: dict[str, object] = {}
    for record in mapping.active().values():
        target = schema.object(record.to)
        for path, mapped in record.fields.items():
            if (record.to, field_name(path, mapped)) in without or (record.to, "") in without:
                continue
            leaf = target.field(path) if target else None
            touched[f"{record.to}.{path}"] = leaf and [leaf.type, sorted(leaf.options), leaf.unique, leaf.writable, leaf.to_object]
    return digest_of(touched)
