"""The objects that every new 2.21 workspace has, read from standard_objects.json.

Names, fields and options there are those of the recorded records and metadata (transcripts meta_objects_default_limit,
meta_gql_objects, get_one_depth1, timelineActivity_create ...); a field that no transcript shows is left out.
"""

from functools import cache
from importlib import resources
from typing import Any

import orjson

from .ids import stable_id
from .schema import Field, ObjectType, Row

STANDARD_APPLICATION = stable_id("application", "standard")
CUSTOM_APPLICATION = stable_id("application", "custom")
WORKSPACE_ID = stable_id("workspace")

# A custom object's own fields in the recorded order, and the objects whose rows can point at one (transcript meta_create_object).
CUSTOM_ORDER = ["name", "id", "createdAt", "createdBy", "deletedAt", "position", "updatedAt", "updatedBy", "searchVector"]
CUSTOM_LINKS: list[tuple[str, str, str, str]] = [
    ("timelineActivity", "timelineActivities", "Timeline Activities", "IconTimelineEvent"),
    ("attachment", "attachments", "Attachments", "IconFileImport"),
    ("noteTarget", "noteTargets", "Notes", "IconNotes"),
    ("taskTarget", "taskTargets", "Tasks", "IconCheckbox"),
]
READ_ONLY = ("id", "createdAt", "updatedAt", "deletedAt", "createdBy", "updatedBy", "position", "searchVector")


@cache
def definitions() -> dict[str, Any]:
    """The data file: `objects`, `base` columns, `relations` and recorded `option_ids`."""
    return orjson.loads(resources.files("crosswalk_sandbox.services.twenty").joinpath("standard_objects.json").read_bytes())


def make_field(owner: ObjectType, spec: Row, moment: str) -> Field:
    """A field of a standard object from its line in the data file."""
    name = spec["name"]
    system = spec.get("system", name in READ_ONLY)
    options = spec.get("options")
    return Field(
        id=stable_id("field", owner.name, name),
        universal_id=stable_id("universal-field", owner.name, name),
        object_id=owner.id,
        type=spec["type"],
        name=name,
        label=spec["label"],
        created_at=moment,
        updated_at=moment,
        application_id=owner.application_id,
        description=spec.get("description", spec["label"]),
        icon=spec.get("icon"),
        system=system,
        editable=name not in READ_ONLY,
        nullable=spec.get("nullable", True),
        unique=spec.get("unique", False),
        default=_default(spec),
        options=None if options is None else [_option(owner.name, name, place, *option) for place, option in enumerate(options)],
        settings=spec.get("settings"),
    )


def _default(spec: Row) -> Any:
    if spec["type"] == "ACTOR":
        return {"name": "'System'", "source": "'MANUAL'", "workspaceMemberId": None}
    return spec.get("default")


def _option(owner: str, field: str, place: int, value: str, label: str, color: str) -> Row:
    option_id = definitions()["option_ids"].get(f"{owner}.{field}.{value}") or stable_id("option", owner, field, value)
    return {"id": option_id, "color": color, "label": label, "value": value, "position": place}


def _object(spec: Row, moment: str) -> ObjectType:
    kind = ObjectType(
        id=stable_id("object", spec["name"]),
        universal_id=spec.get("universal_id", stable_id("universal-object", spec["name"])),
        name=spec["name"],
        plural=spec["plural"],
        label=spec["label"],
        label_plural=spec["label_plural"],
        created_at=moment,
        updated_at=moment,
        application_id=STANDARD_APPLICATION,
        description=spec["description"],
        icon=spec["icon"],
        shortcut=spec.get("shortcut"),
        system=spec.get("system", False),
        creatable=spec.get("creatable", True),
        searchable=spec.get("searchable", True),
        duplicate_criteria=spec.get("duplicate_criteria"),
        search_fields=tuple(spec.get("search", ("id",))),
    )
    own = {line["name"]: line for line in spec["fields"]}
    for line in [*own.values(), *definitions()["base"]]:
        kind.fields.setdefault(line["name"], make_field(kind, line, moment))
    kind.label_identifier_id = kind.fields[spec.get("label_identifier", "id")].id
    image = spec.get("image_identifier")
    kind.image_identifier_id = kind.fields[image].id if image else None
    return kind


def link(owner: ObjectType, target: ObjectType, spec: Row, moment: str) -> tuple[Field, Field]:
    """Both sides of a relation: the many-to-one field on `owner` and its one-to-many reverse on `target`.

    `spec` holds name, label, reverse, reverse_label, on_delete and optionally type and icons.
    """
    forward = make_field(owner, {"type": spec.get("type", "RELATION"), **spec}, moment)
    forward.settings = {
        "onDelete": spec["on_delete"],
        "relationType": "MANY_TO_ONE",
        "joinColumnName": f"{spec['name']}Id",
    }
    line = {"name": spec["reverse"], "label": spec["reverse_label"], "type": "RELATION", "icon": spec.get("reverse_icon")}
    backward = make_field(target, line, moment)
    backward.settings = {"relationType": "ONE_TO_MANY"}
    forward.target_object_id, forward.target_field_id = target.id, backward.id
    backward.target_object_id, backward.target_field_id = owner.id, forward.id
    owner.fields[forward.name] = forward
    target.fields[backward.name] = backward
    return forward, backward


def standard_objects(moment: str) -> dict[str, ObjectType]:
    """The 28 objects of a new workspace by name, with their relations; `moment` is the workspace's birth."""
    kinds = {spec["name"]: _object(spec, moment) for spec in definitions()["objects"]}
    for owner, name, label, target, reverse, reverse_label, on_delete in definitions()["relations"]:
        spec: Row = {
            "name": name,
            "label": label,
            "reverse": reverse,
            "reverse_label": reverse_label,
            "on_delete": on_delete,
            "type": "MORPH_RELATION" if name.startswith("target") else "RELATION",
        }
        link(kinds[owner], kinds[target], spec, moment)
    return kinds
