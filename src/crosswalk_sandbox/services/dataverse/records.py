"""Creating, changing and deleting rows with the platform's rules (facts/dataverse.md §3). No HTTP here."""

from typing import Any

from .http import Caller
from .metadata import Row, Table
from .organization import Organization


class Records:
    """The writes. `values` is the request's body: column names, `nav@odata.bind`, `…_activity_parties`."""

    def __init__(self, organization: Organization) -> None:
        self.organization = organization

    def create(self, table: Table, values: dict[str, Any], caller: Caller) -> Row:
        """A new row as stored. Raises DataverseError."""
        raise NotImplementedError

    def update(self, table: Table, row_id: str, values: dict[str, Any], caller: Caller) -> Row:
        """The changed row as stored. Raises DataverseError."""
        raise NotImplementedError

    def delete(self, table: Table, row_id: str, caller: Caller) -> None:
        """Remove a row with what cascades from it. Raises DataverseError."""
        raise NotImplementedError

    def find_by_key(self, table: Table, key: dict[str, Any]) -> Row | None:
        """The row of an alternate key. Raises DataverseError 400 when these columns are no Active key (facts §3.3)."""
        raise NotImplementedError
