"""The Dynamics sandbox in drills: its Web API beside the engine, as an administrator, and everything that it holds."""

import contextlib
import hashlib
import json
import ssl
import subprocess
import sys
from collections.abc import Generator, Iterator
from pathlib import Path
from typing import ClassVar
from urllib.parse import quote, urlsplit

sys.path.insert(0, str(Path(__file__).parents[1]))

from scripts.drill import Json, Sandbox, looked, served

API = "/api/data/v9.2/"
PAGE = {"Prefer": "odata.maxpagesize=5000"}
SECRET = "drill"
OF_THE_SERVER = frozenset({"asyncoperation", "bulkdeleteoperation", "bulkdeletefailure"})
"""Tables with the server's own record of background work (facts/dataverse.md §4.6)."""
EACH_TIME_ANEW = frozenset(
    {"createdon", "modifiedon", "overriddencreatedon", "versionnumber", "importsequencenumber"}
    | {"_modifiedby_value", "_modifiedonbehalfby_value"}
    | {"activitypartyid", "sdkmessagefilterid", "solutioncomponentid", "objectid", "solutionid", "publisherid"}
    | {"_solutionid_value", "_publisherid_value"}
)
"""Server times, counters, the last writer, the mark of the run that wrote a row, and ids that the server chose."""


class Dynamics(Sandbox):
    """A running Dynamics sandbox, spoken to as an administrator."""

    name: ClassVar[str] = "dynamics"
    _token: str = ""

    def headers(self) -> dict[str, str]:
        """Those of an administrator in the web page."""
        if not self._token:
            self._token = self.control("session", {"member": "admin@clinic.test"})["token"]
        return {"Authorization": f"Bearer {self._token}", "Accept": "application/json", "Content-Type": "application/json"}

    def is_write(self, entry: Json) -> bool:
        """A batch counts when it wrote rows or was refused some, a login never."""
        if entry["path"].endswith("/$batch"):
            return bool(entry["ids"] or entry["refusals"]) or entry["status"] >= 400
        return entry["method"] != "GET" and entry["path"].startswith(API)

    def created(self, entry: Json) -> list[str]:
        """Those of single creates, CreateMultiple and the creates of a batch."""
        path: str = urlsplit(str(entry["path"])).path
        if path.endswith("/$batch"):
            return [row_id for row_id, method in zip(entry["ids"], entry["methods"], strict=True) if method == "POST"]
        single = entry["method"] == "POST" and "(" not in path and "Microsoft." not in path
        return entry["ids"] if single or path.endswith(".CreateMultiple") else []

    def offered_again(self, entry: Json) -> bool:
        """Dataverse answers 412 to that, alone or within a batch."""
        return entry["status"] == 412 or 412 in entry["refusals"]

    def asked(self, entry: Json) -> str:
        """Addresses of single reads and of those within a batch."""
        return " ".join([entry["path"] if entry["method"] == "GET" else "", *entry["reads"]])

    def get(self, path: str) -> Json:
        """What a GET below the API's root answers. Raises HTTPError."""
        return self.call("GET", API + quote(path, safe="/?&=$,()'@"))

    def rows(self, entity_set: str, query: str = "") -> list[Json]:
        """Every row of a table through the Web API."""
        return list(self._pages(API + entity_set + ("?" + quote(query, safe="&=$,()'@") if query else "")))

    def _pages(self, path: str) -> Iterator[Json]:
        following: str | None = path
        while following:
            page = self.call("GET", following, headers=PAGE)
            yield from page["value"]
            following = page.get("@odata.nextLink")

    def tables(self) -> dict[str, str]:
        """Logical name → entity set."""
        found = self.get("EntityDefinitions?$select=LogicalName,EntitySetName")["value"]
        return {item["LogicalName"]: item["EntitySetName"] for item in found}

    def columns(self, table: str) -> dict[str, Json]:
        """The columns of a table by logical name."""
        found = self.get(f"EntityDefinitions(LogicalName='{table}')/Attributes")["value"]
        return {item["LogicalName"]: item for item in found}

    def found(self, scratch: Path) -> Json:
        """Tables with their columns, keys, and a digest of their rows."""
        return {table: self._table(table, entity_set) for table, entity_set in sorted(self.tables().items())}

    def _table(self, table: str, entity_set: str) -> Json:
        keys = self.get(f"EntityDefinitions(LogicalName='{table}')/Keys")["value"]
        rows = [] if table in OF_THE_SERVER else [lasting(row) for row in self.rows(entity_set)]
        return {
            "columns": {name: item["AttributeType"] for name, item in self.columns(table).items()},
            "keys": {item["LogicalName"]: item["EntityKeyIndexStatus"] for item in keys},
            "rows": len(rows),
            "digest": hashlib.sha256("\n".join(sorted(rows)).encode()).hexdigest(),
        }


def lasting(row: Json) -> str:
    """A row without what its server makes up anew each time.

    `createdon` counts only where it was back-dated: then it says something of the source.
    """
    kept = {name: value for name, value in row.items() if name not in EACH_TIME_ANEW and "@" not in name}
    if row.get("overriddencreatedon"):
        kept["createdon"] = row["createdon"]
    return json.dumps(kept, sort_keys=True)


@contextlib.contextmanager
def sandbox(*options: str, limits: str = "off") -> Generator[Dynamics]:
    """A sandbox for as long as the block lasts; `options` as `python -m crosswalk_sandbox dynamics --help` has them."""
    with served("dynamics", "--client-secret", SECRET, "--limits", limits, *options) as (process, ready):
        environment = {
            "CROSSWALK_DYNAMICS_TENANT_ID": ready["tenant_id"],
            "CROSSWALK_DYNAMICS_CLIENT_ID": ready["client_id"],
            "CROSSWALK_DYNAMICS_CLIENT_SECRET": ready["client_secret"],
            "CROSSWALK_DYNAMICS_AUTHORITY": ready["url"],
            "SSL_CERT_FILE": ready["ca"],
        }
        yield Dynamics(ready["url"], process, environment, ssl.create_default_context(cafile=ready["ca"]))


def resumed(state: Path) -> contextlib.AbstractContextManager[Dynamics]:
    """A sandbox that goes on with a state folder."""
    return sandbox("--state", str(state))


def outside(crm: Dynamics, *arguments: str) -> subprocess.CompletedProcess[str]:
    """Run check_dynamics.py, which reads with Microsoft's client and knows nothing of ours."""
    return looked("check_dynamics.py", crm.environment, "--url", crm.url, *arguments)
