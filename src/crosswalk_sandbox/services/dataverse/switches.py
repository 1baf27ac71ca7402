"""What a test may switch on: the licence's table limit, and a recycle bin (facts/dataverse.md §0.10, §0.12); both off at first."""

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, cast

from .errors import DataverseError
from .http import Answer, Call
from .metadata import Row
from .organization import Change

if TYPE_CHECKING:
    from .app import Server

SALES_PROFESSIONAL_TABLES = 15
MAKING_TABLES = ("EntityDefinitions", "CreateEntities")


@dataclass(slots=True)
class Switches:
    """`table_limit` refuses the custom table that Sales Professional's licence does not allow; the platform itself takes it.

    `recycle_bin` keeps deleted rows in `bin` by table and id.
    """

    table_limit: bool = False
    recycle_bin: bool = False
    bin: dict[str, dict[str, Row]] = field(default_factory=dict[str, dict[str, Row]])

    def set(self, body: Row) -> Row:
        """{"table_limit": bool, "recycle_bin": bool}, both optional; what is on now, and how many rows are binned."""
        self.table_limit = bool(body.get("table_limit", self.table_limit))
        self.recycle_bin = bool(body.get("recycle_bin", self.recycle_bin))
        binned = {table: len(rows) for table, rows in self.bin.items() if rows}
        return {"table_limit": self.table_limit, "recycle_bin": self.recycle_bin, "bin": binned}

    def note(self, change: Change) -> None:
        """Keep what was deleted; a row that comes back leaves the bin."""
        if self.recycle_bin:
            binned = self.bin.setdefault(change.table, {})
            if change.after is None and change.before is not None:
                binned[change.row_id] = change.before
            else:
                binned.pop(change.row_id, None)


def register(server: "Server") -> None:
    """Let the switches see deletions and requests that make tables."""
    server.organization.listeners.append(server.switches.note)
    server.gates.append(lambda call: gate(server, call))


def gate(server: "Server", call: Call) -> Answer | None:
    """Refuse the custom table that is one too many, in our own words: no source shows the platform doing so."""
    if not server.switches.table_limit or call.method != "POST" or call.resource not in MAKING_TABLES:
        return None
    custom = sum(table.is_custom and not table.is_intersect for table in server.organization.schema.tables.values())
    body = cast("dict[str, Any]", call.json())
    wanted = len(cast("list[Any]", body.get("Entities") or [body]))
    if custom + wanted > SALES_PROFESSIONAL_TABLES:
        raise DataverseError(403, "", f"This sandbox was told to allow no more than {SALES_PROFESSIONAL_TABLES} custom tables.")
    return None
