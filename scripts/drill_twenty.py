"""The Twenty sandbox in drills: its API beside the engine, and what it holds as scripts/check_twenty.py finds it."""

import contextlib
import json
import subprocess
import sys
from collections.abc import Generator
from pathlib import Path
from typing import ClassVar

sys.path.insert(0, str(Path(__file__).parents[1]))

from scripts.drill import Json, Sandbox, looked, served

KEY = "CROSSWALK_TWENTY_API_KEY"
API_KEY = "drill"
BATCH = "/rest/batch/"
"""Where rows are created."""
WORKFLOW = "workflow_active"
"""The finding that the workflow of every new workspace raises (facts/twenty.md §11.1)."""


class Twenty(Sandbox):
    """A running Twenty sandbox."""

    name: ClassVar[str] = "twenty"
    accepted: ClassVar[frozenset[str]] = frozenset({WORKFLOW})

    def headers(self) -> dict[str, str]:
        """Those of a client with a key of the workspace."""
        return {"Authorization": f"Bearer {API_KEY}"}

    def is_write(self, entry: Json) -> bool:
        """GraphQL counts when it named rows or metadata."""
        if entry["path"].startswith(("/graphql", "/metadata")):
            return bool(entry["ids"])
        return entry["method"] != "GET" and not entry["path"].startswith("/rest/people/duplicates")

    def created(self, entry: Json) -> list[str]:
        """Those of a batch that was stored."""
        return entry["ids"] if entry["path"].startswith(BATCH) and entry["status"] == 201 else []

    def offered_again(self, entry: Json) -> bool:
        """Twenty answers 400 to that."""
        return entry["path"].startswith(BATCH) and entry["status"] == 400

    def asked(self, entry: Json) -> str:
        """Addresses and answers of every GET."""
        return " ".join([entry["path"], *entry["ids"]]) if entry["method"] == "GET" else ""

    def found(self, scratch: Path) -> Json:
        """Objects with their digests."""
        return fingerprint(self.url, scratch / "found.json")["objects"]

    def rows(self, plural: str) -> list[Json]:
        """Every live row of an object, through the public API."""
        found: list[Json] = []
        cursor = ""
        while True:
            page = self.call("GET", f"/rest/{plural}?limit=200{cursor}")
            found += page["data"][plural]
            if not page["pageInfo"]["hasNextPage"]:
                return found
            cursor = f"&starting_after={page['pageInfo']['endCursor']}"


@contextlib.contextmanager
def sandbox(*options: str, limits: str = "off", workflow: str = "on") -> Generator[Twenty]:
    """A sandbox for as long as the block lasts; `options` as `python -m crosswalk_sandbox twenty --help` has them."""
    with served("twenty", "--api-key", API_KEY, "--limits", limits, "--workflow", workflow, *options) as (process, ready):
        yield Twenty(ready["url"], process, {KEY: API_KEY})


def resumed(state: Path) -> contextlib.AbstractContextManager[Twenty]:
    """A sandbox that goes on with a state folder, its workspace's own workflow switched off."""
    return sandbox("--state", str(state), workflow="off")


def fingerprint(url: str, target: Path, *, times: bool = False) -> Json:
    """What check_twenty.py, which knows nothing of ours, finds in a sandbox."""
    outside("--url", url, "--fingerprint", str(target), *(["--times"] if times else []))
    return json.loads(target.read_text())


def outside(*arguments: str) -> subprocess.CompletedProcess[str]:
    """Run check_twenty.py."""
    return looked("check_twenty.py", {KEY: API_KEY}, *arguments)
