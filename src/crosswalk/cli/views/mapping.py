"""The map in short: what becomes what, what goes nowhere and why."""

from collections import Counter

from crosswalk.cli.views.blocks import Block, Heading, Note, Table
from crosswalk.model.mapping import Mapping, RecordMapping

WHERE = 30
"""Characters of a filter that are shown; the rest stands in the file."""


def mapping_view(mapping: Mapping, path: str) -> list[Block]:
    """One line per record, then the source fields that go nowhere, then the notes."""
    active = mapping.active()
    columns = ("record", "from", "to", "#fields", "#created", "#lookups", "~only rows where")
    rows = [
        (
            record.title or name,
            _source(record),
            record.to,
            len(record.fields),
            _created(record),
            _lookups(record),
            _short(record.where or ""),
        )
        for name, record in active.items()
    ]
    shown: list[Block] = [Heading(f"{len(active)} records mapped: {path}"), Table("Records", columns, rows)]
    off = [record.title or name for name, record in mapping.records.items() if not record.enabled]
    if off:
        shown.append(Note(f"Switched off (enabled: true takes them): {', '.join(off)}"))
    if mapping.unmapped:
        unmapped = [(item.object, item.field, item.reason) for item in mapping.unmapped]
        shown.append(Table(f"{len(unmapped)} source fields go nowhere", ("object", "field", "~why"), unmapped))
    dates = [f"{name}.{column}: {order}" for name, orders in mapping.date_orders.items() for column, order in orders.items()]
    if dates:
        orders = Counter(line.rpartition(" ")[2] for line in dates)
        shown.append(Note("Dates are read as " + ", ".join(f"{order} ({count} columns)" for order, count in orders.items())))
    return [*shown, *(Note(f"Note: {text}") for text in mapping.notes)]


def _short(text: str) -> str:
    return text if len(text) <= WHERE else f"{text[:WHERE]}…"


def _source(record: RecordMapping) -> str:
    return f"{record.from_}, folded" if record.fold else record.from_


def _created(record: RecordMapping) -> int:
    return sum(field.create is not None for field in record.fields.values())


def _lookups(record: RecordMapping) -> int:
    return sum(field.lookup is not None for field in record.fields.values())
