"""Addresses below the service root: written, and named in errors. Pure."""

from collections.abc import Mapping
from urllib.parse import quote, urlencode

_READABLE = "$,()'=/@:"


def place_of(path: str) -> str:
    """A path to name in errors: without query, and without what stands in brackets (keys may be a patient's values).

    >>> place_of("contacts(pulse_sourcesystemid='P-1')/ownerid?$select=fullname")
    'contacts(…)/ownerid'
    """
    bare = path.partition("?")[0]
    head, bracket, rest = bare.partition("(")
    return f"{head}(…){rest.rpartition(')')[2]}" if bracket else bare


def definition_path(table: str) -> str:
    """The address of a table's metadata (§6.10).

    >>> definition_path("contact")
    "EntityDefinitions(LogicalName='contact')"
    """
    return f"EntityDefinitions(LogicalName='{table}')"


def with_query(path: str, query: Mapping[str, str] | None) -> str:
    """Path and query, percent-encoded: `$`, commas and brackets stay readable.

    >>> with_query("contacts", {"$filter": "lastname eq 'O''Neil & Sons'"})
    "contacts?$filter=lastname%20eq%20'O''Neil%20%26%20Sons'"
    """
    return f"{path}?{urlencode(query, quote_via=quote, safe=_READABLE)}" if query else path
