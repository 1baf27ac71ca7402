"""The emulated Dataverse as the control API sees it: what people do meanwhile, and what a test sets."""

from collections.abc import Callable
from dataclasses import asdict, replace
from typing import TYPE_CHECKING, Any, cast

from .errors import DataverseError
from .http import Caller
from .metadata import Row, Table

if TYPE_CHECKING:
    from .app import Server

Json = dict[str, Any]
SETTABLE = ("divisor", "speed", "request_ms", "row_ms")


class Controlled:
    """POST seed, edit, delete, corrupt, limits, privileges, metadata, switches, session; bodies name rows as the Web API does."""

    def __init__(self, server: "Server") -> None:
        self.server = server

    def dump(self, name: str | None) -> dict[str, list[Json]]:
        """All rows of one table, or of all that have any, as they are stored: lookups by their column's name."""
        organization = self.server.organization
        names = [self.table(name).logical] if name else list(organization.rows)
        return {table: rows for table in names if (rows := list(organization.scan(table))) or name}

    def verbs(self) -> dict[str, Callable[[Any], Json]]:
        verbs: dict[str, Callable[[Any], Json]] = {
            "seed": self.seed,
            "edit": self.edit,
            "delete": self.delete,
            "corrupt": self.corrupt,
            "limits": self.limits,
            "privileges": self.privileges,
            "switches": lambda body: self.server.switches.set(body),
            "session": self.session,
            "metadata": self.metadata,
        }
        return {name: _plainly(verb) for name, verb in verbs.items()}

    def reports(self) -> dict[str, Callable[[], Any]]:
        return {
            "limits": lambda: self.limits({}),
            "arrivals": lambda: [asdict(arrival) for arrival in self.server.limits.arrivals],
            "switches": lambda: self.server.switches.set({}),
        }

    # -- people -----------------------------------------------------------------------------------------------------

    def table(self, name: str) -> Table:
        """A table by its logical name or its entity set. Raises ValueError."""
        schema = self.server.organization.schema
        found = schema.tables.get(name) or schema.sets.get(name)
        if found is None:
            raise ValueError(f"no table {name}")
        return found

    def user(self, email: str | None) -> Row:
        """A user by e-mail address; "application" is the one of the client credentials; the first person unless told."""
        for row in self.server.organization.scan("systemuser"):
            is_application = row.get("applicationid") is not None
            if email == "application" and is_application:
                return row
            if not is_application and row.get("internalemailaddress") and email in (None, row["internalemailaddress"]):
                return row
        raise ValueError(f"no user {email}")

    def caller(self, body: Json) -> Caller:
        user_id = self.user(body.get("member"))["systemuserid"]
        return Caller(user_id, user_id)

    def seed(self, body: Json) -> Json:
        """{"object", "rows": [...], "member"?}: rows as a person makes them, all or none."""
        table, caller = self.table(body["object"]), self.caller(body)
        with self.server.organization.atomic():
            rows = [self.server.records.create(table, row, caller) for row in cast("list[Row]", body["rows"])]
        return {"ids": [row[table.primary_id] for row in rows]}

    def edit(self, body: Json) -> Json:
        """{"object", "id", "values", "member"?}: an edit in the web page."""
        table = self.table(body["object"])
        return {"row": self.server.records.update(table, body["id"], body["values"], self.caller(body))}

    def delete(self, body: Json) -> Json:
        """{"object", "ids": [...] or "id", "member"?}: rows that a person deletes, with what cascades from them."""
        table, caller = self.table(body["object"]), self.caller(body)
        ids: list[str] = body["ids"] if "ids" in body else [body["id"]]
        with self.server.organization.atomic():
            for row_id in ids:
                self.server.records.delete(table, row_id, caller)
        return {"ids": ids}

    def corrupt(self, body: Json) -> Json:
        """{"object", "id", "field", "value"}: one stored cell changed with no trace, as a bug or a bad disk would."""
        organization, table = self.server.organization, self.table(body["object"])
        row = organization.find(table.logical, body["id"])
        if row is None or body["field"] not in table.columns:
            raise ValueError(f"no {table.logical} {body['id']} with a column {body['field']}")
        version = row["versionnumber"]
        changed = {**row, body["field"]: body["value"]}
        organization.put(table.logical, body["id"], changed)
        changed["versionnumber"] = version
        return {"id": body["id"]}

    def session(self, body: Json) -> Json:
        """{"member": email}: a token that acts as that person, not as the application."""
        return {"token": self.server.login.token_for(self.user(body.get("member"))["systemuserid"])}

    # -- settings ---------------------------------------------------------------------------------------------------

    def limits(self, body: Json) -> Json:
        """{"active"?, "divisor"?, "speed"?, "request_ms"?, "row_ms"?}: a change empties the windows. Answers what holds now."""
        limits = self.server.limits
        if body:
            limits.active = bool(body.get("active", limits.active))
            limits.rules = replace(limits.rules, **{name: float(body[name]) for name in SETTABLE if name in body})
            limits.reset()
        rules = limits.rules
        shown = (*SETTABLE, "window_s", "requests", "execution_ms", "concurrent")
        return {"active": limits.active, **{name: getattr(rules, name) for name in shown}}

    def metadata(self, body: Json) -> Json:
        """{"lock": times, "code"?, "key_build_s"?}: metadata writes to be refused as locked; how long a key's index takes."""
        writes = self.server.metadata
        if "lock" in body:
            writes.lock(int(body["lock"]), str(body.get("code", writes.lock_code)))
        writes.keys.build_s = float(body.get("key_build_s", writes.keys.build_s))
        return {"lock": writes.lock_times, "code": writes.lock_code, "key_build_s": writes.keys.build_s}

    def privileges(self, body: Json) -> Json:
        """{"member": email or "application", "withhold": [...], "grant": [...]}: privileges that a user lacks from now on."""
        user_id = self.user(body["member"])["systemuserid"]
        withheld = self.server.organization.withheld.setdefault(user_id, set())
        withheld |= set(cast("list[str]", body.get("withhold", [])))
        withheld -= set(cast("list[str]", body.get("grant", [])))
        return {"withheld": sorted(withheld)}


def _plainly(verb: Callable[[Any], Json]) -> Callable[[Any], Json]:
    """The product's refusals as the control API reports any bad request."""

    def run(body: Any) -> Json:
        try:
            return verb(body)
        except DataverseError as error:
            raise ValueError(f"{error.code} {error.message}") from error

    return run
