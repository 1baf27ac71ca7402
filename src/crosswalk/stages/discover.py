"""Discover: which objects a source offers, where, and how each was recognised."""

from crosswalk.model.errors import UsageError
from crosswalk.model.source_schema import SourceSchema
from crosswalk.spi.source import Source


def discover(source: Source) -> SourceSchema:
    """The source's objects. Raises UnreachableError when it cannot be read, UsageError when it holds no records at all."""
    schema = source.discover()
    if not schema.objects:
        listed = ", ".join(f"{name} ({reason})" for name, reason in schema.ignored[:5]) or "nothing"
        raise UsageError(f"No records were found in {schema.location}: {listed}", "Point to the exported folder or workbook.")
    return schema
