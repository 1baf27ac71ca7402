"""Reads a Twenty workspace over its public API: standard library only, nothing of Crosswalk's, paced, patient with 429."""

import json
import time
from collections.abc import Iterator
from typing import Any, cast
from urllib.error import HTTPError, URLError
from urllib.parse import quote
from urllib.request import Request, urlopen

Json = dict[str, Any]

PAGE = 200
"""Twenty's cap of a page (facts/twenty.md §2)."""
PACE_S = 0.62
"""The best steady pace once the bucket is empty (facts/twenty.md §9)."""
ATTEMPTS = 60


class Refused(SystemExit):
    """The server's words why it does not answer this; ends the program unless somebody has a use for it."""


class Reader:
    """GET requests with an API key. Full speed until the first 429, then one request every 0.62 s."""

    def __init__(self, url: str, api_key: str) -> None:
        self.url = url.rstrip("/")
        self.api_key = api_key
        self.pause = 0.0
        self.requests = 0

    def get(self, path: str) -> Any:
        """The JSON at a path. Raises Refused with the server's words, SystemExit when it cannot be reached."""
        words = ""
        for attempt in range(ATTEMPTS):
            time.sleep(self.pause)
            self.requests += 1
            try:
                request = Request(self.url + path, headers={"Authorization": f"Bearer {self.api_key}"})
                with urlopen(request, timeout=120) as answer:
                    return json.load(answer)
            except HTTPError as error:
                words = f"{error.code} {error.read()[:300].decode(errors='replace')}"
                if error.code != 429 and error.code < 500:
                    raise Refused(f"{path.partition('?')[0]}: {words}") from None
                self.pause = PACE_S
            except (URLError, OSError) as error:
                words = str(error)
                time.sleep(min(2.0, 0.1 * 2**attempt))
        raise SystemExit(f"{self.url} gave no answer in {ATTEMPTS} attempts: {words}")

    def rows(self, plural: str, filtered: str = "") -> Iterator[Json]:
        """Every live row of an object by its plural name, in the order of ids; `filtered` is a filter of Twenty's grammar."""
        cursor = ""
        while True:
            more = (f"&filter={quote(filtered, safe='')}" if filtered else "") + (
                f"&starting_after={quote(cursor)}" if cursor else ""
            )
            page = self.get(f"/rest/{plural}?limit={PAGE}&depth=0{more}")
            yield from page["data"][plural]
            if not page["pageInfo"]["hasNextPage"]:
                return
            cursor = page["pageInfo"]["endCursor"]

    def deleted(self, plural: str) -> Iterator[Json]:
        """Every soft-deleted row of an object."""
        return self.rows(plural, "deletedAt[is]:NOT_NULL")

    def objects(self) -> list[Json]:
        """Every object with its `fields` as a list, from either form of the metadata answer (facts/twenty.md §8)."""
        found: list[Json] = []
        cursor = ""
        while True:
            page = self.get("/rest/metadata/objects" + (f"?starting_after={quote(cursor)}" if cursor else ""))
            data = page["data"]
            held = cast(list[Json], data if isinstance(data, list) else cast(Json, data)["objects"])
            found += [item | {"fields": _listed(item.get("fields"))} for item in held]
            info = cast(Json, page.get("pageInfo") or {})
            if not info.get("hasNextPage"):
                return found
            cursor = info["endCursor"]


def _listed(fields: Any) -> list[Json]:
    """Fields listed plainly, or as the edges of a connection."""
    if isinstance(fields, dict):
        return [edge["node"] for edge in cast(list[Json], cast(Json, fields).get("edges") or [])]
    return cast(list[Json], fields or [])
