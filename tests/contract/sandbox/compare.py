"""Comparing the sandbox's answer with the recorded one: status, error kind and message, keys, and values that are not ids or times.

Ids that the request or the arranged rows named must be equal; other ids and the moments around the call only have to be there.
"""

import contextlib
import json
import re
from typing import Any

from crosswalk_sandbox.services.twenty.schema import is_list, is_row

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
        if is_row(wanted) and is_row(got):
            self._objects(wanted, got, where)
        elif is_list(wanted) and is_list(got):
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
        for keys in (NODE_NAME, FIELD_NAME):
            if wanted and all(has(item, keys) for item in wanted):  # they come in the order of random ids: compared by name
                names = [named(item, keys) for item in wanted]
                wanted = sorted(wanted, key=lambda item: named(item, keys))
                got = sorted((item for item in got if not cut or named(item, keys) in names), key=lambda item: named(item, keys))
                break
        if cut and len(got) < len(wanted):
            self.differences.append(f"{where}: {len(wanted)} or more recorded, {len(got)} given")
        elif not cut and len(got) != len(wanted):
            self.differences.append(f"{where}: {len(wanted)} recorded, {len(got)} given")
        for place, (one, other) in enumerate(zip(wanted, got, strict=False)):
            self.check(one, other, f"{where}[{place}]")


NODE_NAME, FIELD_NAME = ("nameSingular",), ("name", "type")


def _shape(item: Any) -> dict[str, Any]:
    """A list's item, without the `node` that connections wrap around it."""
    shape: Any = item.get("node", item) if is_row(item) else None
    return shape if is_row(shape) else {}


def has(item: Any, keys: tuple[str, ...]) -> bool:
    return all(key in _shape(item) for key in keys)


def named(item: Any, keys: tuple[str, ...]) -> str:
    """What an item is called; the empty text for one without a name."""
    return str(_shape(item).get(keys[0], ""))
