"""What a mapping aims at: the type each leaf will have once the plan is applied, and the order records can load in."""

from graphlib import CycleError, TopologicalSorter

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
