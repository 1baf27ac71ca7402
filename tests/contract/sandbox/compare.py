"""Comparing the sandbox's answer with the recorded one: status, error kind and message, keys, and values that are not ids or times.

Ids that the request or the arranged rows named must be equal; other ids and the moments around the call only have to be there.
"""

import contextlib
import json
import re
from collections.abc import Callable
from typing import Any

UUID = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}")
STAMP = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d+)?Z")
CUT = re.compile(r"\.\.\.\(\d+ more cut by the recorder\)")
ADDRESS = re.compile(r"http://(?:localhost|127\.0\.0\.1):\d+")
TOKEN = re.compile(r"token=[^\"&]+")
RECORDED_DAY = ("2026-11-21", "2026-11-22")  # the day of the recording: moments of it are "now" to the recorded server


class Comparison:
    """One comparison; `known` are ids that must be equal, `today` the sandbox's date."""

    def __init__(self, known: set[str], today: str, *, keys_only: bool = False) -> None:
        self.known = known
        self.days = (*RECORDED_DAY, today)
        self.keys_only = keys_only
        self.differences: list[str] = []

    def plain(self, text: str) -> str:
        """A text with unknown ids, moments of the call, addresses and tokens replaced by what they are."""
        text = UUID.sub(lambda found: found.group(0) if found.group(0) in self.known else "<id>", text)
        text = STAMP.sub(lambda found: "<now>" if found.group(0).startswith(self.days) else found.group(0), text)
        text = re.sub(r"IDX_[0-9a-f]{27}", "<index>", text)
        return TOKEN.sub("token=<token>", ADDRESS.sub("<server>", text))

    def check(self, wanted: Any, got: Any, where: str = "body") -> None:
        """Note every difference between the recorded and the given value."""
        if isinstance(wanted, str) and wanted.startswith("[{") and isinstance(got, str):
            with contextlib.suppress(json.JSONDecodeError):
                wanted, got = json.loads(wanted), json.loads(got)
        if isinstance(wanted, dict) and isinstance(got, dict):
            self._objects(wanted, got, where)
        elif isinstance(wanted, list) and isinstance(got, list):
            self._lists(wanted, got, where)
        elif self.keys_only:
            if isinstance(wanted, dict | list) != isinstance(got, dict | list):
                self.differences.append(f"{where}: another kind of value")
        elif isinstance(wanted, str) and isinstance(got, str):
            self._texts(wanted, got, where)
        elif wanted != got or isinstance(wanted, bool) != isinstance(got, bool):
            self.differences.append(f"{where}: {wanted!r} recorded, {got!r} given")

    def _texts(self, wanted: str, got: str, where: str) -> None:
        if wanted.startswith("<TOKEN>"):
            return
        if self.plain(wanted) != self.plain(got):
            self.differences.append(f"{where}: {wanted[:200]!r} recorded, {got[:200]!r} given")

    def _objects(self, wanted: dict[str, Any], got: dict[str, Any], where: str) -> None:
        for name in sorted(wanted.keys() ^ got.keys()):
            self.differences.append(f"{where}.{name}: {'missing' if name in wanted else 'not recorded'}")
        own = str(wanted.get("id", "?"))
        for name in wanted.keys() & got.keys():
            if name == "searchVector" and own != "?" and own[-12:] in str(wanted[name]):
                continue  # it is made of the row's own id
            self.check(wanted[name], got[name], f"{where}.{name}")

    def _lists(self, wanted: list[Any], got: list[Any], where: str) -> None:
        cut = bool(wanted) and isinstance(wanted[-1], str) and CUT.fullmatch(wanted[-1]) is not None
        if cut:
            wanted = wanted[:-1]
        name = next((key for key in map(_name_of, (NODE_NAME, FIELD_NAME)) if wanted and all(map(key, wanted))), None)
        if name is not None:  # objects and fields come in the order of random ids: compared by name
            wanted = sorted(wanted, key=name)
            names = {name(item) for item in wanted}
            got = sorted((item for item in got if not cut or name(item) in names), key=lambda item: name(item) or "")
        if cut and len(got) < len(wanted):
            self.differences.append(f"{where}: {len(wanted)} or more recorded, {len(got)} given")
        elif not cut and len(got) != len(wanted):
            self.differences.append(f"{where}: {len(wanted)} recorded, {len(got)} given")
        for place, (one, other) in enumerate(zip(wanted, got, strict=False)):
            self.check(one, other, f"{where}[{place}]")


NODE_NAME, FIELD_NAME = ("nameSingular",), ("name", "type")


def _name_of(keys: tuple[str, ...]) -> Callable[[Any], str | None]:
    """What names an item: its first key, if it has them all (looked for inside `node`, as connections have it)."""

    def name(item: Any) -> str | None:
        shape = item.get("node", item) if isinstance(item, dict) else {}
        return str(shape[keys[0]]) if all(key in shape for key in keys) else None

    return name
