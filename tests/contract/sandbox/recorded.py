"""The recorded calls of a real Twenty 2.21 as cases, and what they together tell of the workspace at any moment."""

import json
import re
from dataclasses import dataclass, field
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from functools import cached_property
from pathlib import Path
from typing import Any

from crosswalk_sandbox.services.twenty.schema import is_list, is_row

Row = dict[str, Any]
SHARED = Path(__file__).resolve().parents[4] / "shared"
FOLDER = SHARED / "facts" / "twenty_transcripts"
STAMP = re.compile(r"20\d\d-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z")
BEGUN = datetime(2026, 11, 21, tzinfo=UTC).timestamp()  # the day of the recording; an older updatedAt was sent by a client
WRITTEN = re.compile(r"(create|update|delete|restore|destroy)([A-Z]\w*)")


@dataclass
class Case:
    """One recorded call. `moment` is when the server answered, to the millisecond where its answer shows one."""

    name: str
    method: str
    path: str
    request: Any
    sent_headers: dict[str, str]
    status: int
    body: Any
    truncated: bool
    date: datetime

    @cached_property
    def moment(self) -> float:
        """Seconds since the epoch: the newest time in the answer that lies within the second of the Date header, else its end."""
        found = [datetime.fromisoformat(text).timestamp() for text in STAMP.findall(json.dumps(self.body))]
        second = self.date.timestamp()
        near = [moment for moment in found if second - 4 <= moment <= second + 1]
        return max(near, default=second + 0.999)

    @property
    def succeeded(self) -> bool:
        return self.status < 300 and not (is_row(self.body) and "errors" in self.body)

    @cached_property
    def text(self) -> str:
        return json.dumps([self.path, self.request, self.body])


def uncut(request: Any) -> Any:
    """A request without the recorder's note that it left items out."""
    if is_list(request) and request and isinstance(request[-1], str) and "cut by the recorder" in request[-1]:
        return request[:-1]
    return request


def load() -> list[Case]:
    """Every transcript that is a call, in the order of the calls."""
    cases: list[Case] = []
    for file in sorted(FOLDER.glob("*.json")):
        call = json.loads(file.read_text())
        if "method" not in call:
            continue
        headers = {name.lower(): value for name, value in call["response_headers"].items()}
        cases.append(
            Case(
                call["name"],
                call["method"],
                call["path"],
                uncut(call["request"]),
                call.get("request_headers", {"Authorization": "Bearer <API_KEY>"}),
                call["status"],
                call["body"],
                bool(call.get("truncated_by_recorder")),
                parsedate_to_datetime(headers["date"]).astimezone(UTC),
            )
        )
    return sorted(cases, key=lambda case: case.moment)


def is_record(value: Any) -> bool:
    return is_row(value) and {"id", "createdAt", "updatedAt", "deletedAt", "position"} <= value.keys()


@dataclass
class Shown:
    """A record as one answer showed it: its object's singular name, and the moment since when it was so."""

    object: str
    row: Row
    moment: float
    case: str


def records_in(body: Any, owner: str | None, singular: dict[str, str]) -> list[tuple[str, Row]]:
    """Every full record in an answer with its object's name, nested ones included.

    `singular` maps plural, relation and singular names to an object's singular name.
    """
    found: list[tuple[str, Row]] = []
    if is_list(body):
        for item in body:
            found += records_in(item, owner, singular)
    elif is_row(body):
        if is_record(body) and owner is not None:
            found.append((owner, {name: value for name, value in body.items() if name not in singular or not _nested(value)}))
        for name, value in body.items():
            match = WRITTEN.fullmatch(name)
            said = match.group(2)[0].lower() + match.group(2)[1:] if match else name
            if said in singular and isinstance(value, dict | list):
                found += records_in(value, singular[said], singular)
            elif name == "data":
                found += records_in(value, owner, singular)
    return found


def _nested(value: Any) -> bool:
    return is_record(value) or (is_list(value) and all(is_record(item) for item in value))


@dataclass
class Known:
    """What all transcripts together tell: rows over time, custom objects, and ids of objects and fields."""

    cases: list[Case]
    objects: dict[str, str] = field(default_factory=dict[str, str])  # singular name -> id
    object_shapes: dict[str, Row] = field(default_factory=dict[str, Row])  # id -> shape of a custom object
    fields: dict[str, list[tuple[float, Row]]] = field(default_factory=dict[str, list[tuple[float, Row]]])  # id -> versions
    payloads: dict[str, Row] = field(default_factory=dict[str, Row])  # field id -> relationCreationPayload
    deleted_fields: dict[str, float] = field(default_factory=dict[str, float])
    shown: list[Shown] = field(default_factory=list[Shown])
    destroyed: dict[str, float] = field(default_factory=dict[str, float])

    def __post_init__(self) -> None:
        for case in self.cases:
            if "/metadata" in case.path and case.succeeded:
                self._schema(case)
        singular = self.names()
        for case in self.cases:
            if case.succeeded and "/metadata" not in case.path:
                self._rows(case, singular)

    def names(self) -> dict[str, str]:
        """Singular, plural and relation names to singular names, for finding records in answers."""
        plural = {"people": "person", "companies": "company", "timelineActivities": "timelineActivity"}
        result = {name: name for name in self.objects} | {f"{name}s": name for name in self.objects} | plural
        for name in list(self.objects):
            result[f"target{name[0].upper()}{name[1:]}"] = name
        return result | {"assignee": "workspaceMember"}

    def _schema(self, case: Case) -> None:
        data = case.body.get("data") if is_row(case.body) else None
        if is_row(data) and "objects" in data:
            for edge in data["objects"]["edges"]:
                self.objects[edge["node"]["nameSingular"]] = edge["node"]["id"]
        for shape in [case.body, *(data if is_list(data) else [])]:
            if is_row(shape) and "nameSingular" in shape:
                self.objects[shape["nameSingular"]] = shape["id"]
                self.object_shapes.setdefault(shape["id"], shape)
                for item in shape.get("fields", []):
                    if is_row(item):
                        self._field(item, case)
            elif is_row(shape) and "objectMetadataId" in shape and "type" in shape:
                self._field(shape, case)
                if case.method == "POST" and (case.request or {}).get("relationCreationPayload"):
                    self.payloads[shape["id"]] = case.request["relationCreationPayload"]
                if case.method == "DELETE":
                    self.deleted_fields[shape["id"]] = case.moment

    def _field(self, shape: Row, case: Case) -> None:
        self.fields.setdefault(shape["id"], []).append((case.moment, shape))

    def _rows(self, case: Case, singular: dict[str, str]) -> None:
        for name, row in records_in(case.body, None, singular):
            since = datetime.fromisoformat(row["updatedAt"]).timestamp()
            recent = BEGUN <= since <= case.moment
            self.shown.append(Shown(name, row, since if recent else case.moment, case.name))
        if case.method == "DELETE" and "soft_delete" not in case.path:
            for found in re.findall(r'"id": "([0-9a-f-]{36})"', json.dumps(case.body)):
                self.destroyed[found] = case.moment
        if "destroy" in json.dumps(case.request or ""):
            for found in re.findall(r'"id": "([0-9a-f-]{36})"', json.dumps(case.body)):
                self.destroyed[found] = case.moment

    def rows_before(self, case: Case) -> dict[tuple[str, str], Row]:
        """The records as last shown by calls before this one, by object and id; rows destroyed before it are left out."""
        world: dict[tuple[str, str], Row] = {}
        for item in sorted(self.shown, key=lambda item: item.moment):
            if item.case != case.name and item.moment < case.moment:
                world[(item.object, item.row["id"])] = item.row
        gone = {key for key, moment in self.destroyed.items() if moment < case.date.timestamp()}
        return {key: row for key, row in world.items() if key[1] not in gone}

    def rows_of(self, case: Case) -> list[tuple[str, Row]]:
        """The records in this call's own answer."""
        return [(item.object, item.row) for item in self.shown if item.case == case.name]

    def fields_before(self, case: Case) -> dict[str, Row]:
        """Fields by id as last shown before this call; one first shown by this call or later has its first shape."""
        result: dict[str, Row] = {}
        for key, versions in self.fields.items():
            earlier = [shape for moment, shape in versions if moment < case.moment]
            made = min(datetime.fromisoformat(shape["createdAt"]).timestamp() for _, shape in versions)
            if made < case.moment - 0.001 or earlier:
                result[key] = (earlier or [versions[0][1]])[-1]
        return result
