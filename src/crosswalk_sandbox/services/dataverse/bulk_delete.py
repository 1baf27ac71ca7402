"""BulkDelete: rows named by a query, deleted by a system job (facts/dataverse.md §4.6, §0.11)."""

from typing import TYPE_CHECKING, Any, cast

from .clock import new_id
from .conditions import column, condition, joined
from .errors import DataverseError, bad_payload
from .http import Answer, Call
from .metadata import Row, Table
from .tabular import quoted, select

if TYPE_CHECKING:
    import re

    from .app import Server

COMPLETED, SUCCEEDED, FAILED = 3, 30, 31


def register(server: "Server") -> None:
    """Route the action."""
    server.routes.add("POST", "BulkDelete", BulkDelete(server).handle)


class BulkDelete:
    """The job runs at once here (really it runs later): its row in asyncoperation is finished when the answer leaves."""

    def __init__(self, server: "Server") -> None:
        self.server = server

    def handle(self, call: Call, _match: "re.Match[str]") -> Answer:
        """200 with the JobId. Rows that cannot be deleted stay, without taking back the others (facts §0.11)."""
        body = cast("Row", call.json())
        queries = body.get("QuerySet")
        if not isinstance(queries, list) or not queries:
            raise bad_payload("BulkDelete", "The parameter 'QuerySet' must hold at least one query.")
        done: list[str] = []
        failed = 0
        names: list[str] = []
        for query in cast("list[Row]", queries):
            table = self.server.organization.table(str(query.get("EntityName", "")))
            names.append(table.logical)
            for row_id in self.found(table, cast("Row", query.get("Criteria") or {})):
                try:
                    with self.server.organization.atomic():
                        self.server.records.delete(table, row_id, call.who)
                    done.append(row_id)
                except DataverseError:
                    failed += 1
        call.written.object, call.written.ids = ",".join(dict.fromkeys(names)), done
        job = self.note(str(body.get("JobName", "")), len(done), failed)
        return Answer(200, {"@odata.context": f"{call.base_url}/api/data/v9.2/$metadata#BulkDeleteResponse", "JobId": job})

    def found(self, table: Table, criteria: Row) -> list[str]:
        """The ids of the rows that the query means."""
        used: set[str] = {table.primary_id}
        where, values = _filter(criteria, table.logical, used)
        sql = f"SELECT {quoted(table.primary_id)} FROM {quoted(table.logical)} WHERE {where}"
        return [row[0] for row in select(self.server.organization, sql, values, {table.logical: used})[1]]

    def note(self, name: str, done: int, failed: int) -> str:
        """Write the finished job into asyncoperation and bulkdeleteoperation; its id."""
        organization = self.server.organization
        job, now = new_id(), organization.clock.now()
        status = FAILED if failed else SUCCEEDED
        common = {"name": name, "createdon": now, "modifiedon": now, "statecode": COMPLETED, "statuscode": status}
        rows = {
            "asyncoperation": {"asyncoperationid": job, **common, "operationtype": 13, "completedon": now},
            "bulkdeleteoperation": {"bulkdeleteoperationid": job, **common, "successcount": done, "failurecount": failed},
        }
        for table, row in rows.items():
            if table in organization.schema.tables:
                organization.put(table, job, row)
        return job


def _filter(criteria: Row, table: str, used: set[str]) -> tuple[str, list[Any]]:
    """A FilterExpression as SQL; the columns that it names are added to `used`."""
    parts: list[tuple[str, list[Any]]] = []
    for item in cast("list[Row]", criteria.get("Conditions") or []):
        name = str(item.get("AttributeName", ""))
        used.add(name)
        values = [_value(value) for value in cast("list[Any]", item.get("Values") or [])]
        parts.append(condition(column(table, name), str(item.get("Operator", "")), values))
    parts += [_filter(inner, table, used) for inner in cast("list[Row]", criteria.get("Filters") or [])]
    return joined(parts, str(criteria.get("FilterOperator") or criteria.get("LogicalOperator") or "And"))


def _value(value: Any) -> Any:
    """A value as {"Value", "Type"} or bare; GUIDs are kept in lower case."""
    found = cast("Row", value).get("Value") if isinstance(value, dict) else value
    return found.lower() if isinstance(found, str) and len(found) == 36 else found
