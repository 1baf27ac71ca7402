"""timelineActivities that the worker writes for every created or updated row (facts/twenty.md §6).

They are only remembered as moments and become rows when somebody looks, so that bulk writes stay cheap.
"""

from typing import TYPE_CHECKING

from .ids import iso, new_id
from .schema import ObjectType, Row

if TYPE_CHECKING:
    from .state import Workspace
    from .tables import Table

DELAY = 0.3  # seconds after the write, as recorded (transcripts get_one_depth1, task_depth1)


def _moments(held: list[float] | float) -> list[float]:
    return held if isinstance(held, list) else [held]


class Timeline:
    """What the worker owes: per object and row, the moments of its events."""

    def __init__(self, workspace: "Workspace") -> None:
        self.workspace = workspace
        self.owed: dict[tuple[str, str], dict[str, list[float] | float]] = {}

    def note(self, kind: ObjectType, event: str, rows: list[Row]) -> None:
        if kind.name == "timelineActivity":
            return
        if event == "destroyed":
            for (name, _), moments in self.owed.items():
                if name == kind.name:
                    for row in rows:
                        moments.pop(row["id"], None)
            return
        if f"target{kind.pascal()}Id" not in self.workspace.kinds["timelineActivity"].joins:
            return
        moments = self.owed.setdefault((kind.name, event), {})
        now = self.workspace.clock.seconds() + DELAY
        for row in rows:
            held = moments.get(row["id"])
            moments[row["id"]] = now if held is None else [*_moments(held), now]

    def settle(self) -> None:
        """Write what is owed as rows."""
        if not self.owed:
            return
        owed, self.owed = self.owed, {}
        table = self.workspace.tables["timelineActivity"]
        for (name, event), moments in owed.items():
            target = f"target{name[0].upper()}{name[1:]}Id"
            parents = self.workspace.tables.get(name)
            if target not in table.joins or parents is None:
                continue
            for key, held in moments.items():
                if key in parents:
                    for moment in _moments(held):
                        self._write(table, f"{name}.{event}", target, key, iso(moment))

    def _write(self, table: "Table", name: str, target: str, key: str, moment: str) -> None:
        actor: Row = {"source": "MANUAL", "workspaceMemberId": None, "name": "System", "context": None}
        row: Row = {
            **table.kind.template,
            "id": new_id(),
            "createdAt": moment,
            "updatedAt": moment,
            "happensAt": moment,
            "createdBy": actor,
            "updatedBy": actor,
            "name": name,
            "properties": {},
            "position": table.next_position(),
            target: key,
        }
        table.insert(row["id"], row)
