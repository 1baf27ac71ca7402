"""Bringing a sandbox's schema to what a recorded call found: recorded ids, custom objects, fields and columns."""

import json
import re

from crosswalk_sandbox.services.twenty.app import Server
from crosswalk_sandbox.services.twenty.schema import ObjectType

from .recorded import Case, Known, Row

CREATABLE_KEYS = ("type", "name", "label", "icon", "description", "isUnique", "isNullable", "defaultValue", "settings")


class SchemaArrangement:
    """The schema for one case in a freshly reset server."""

    def __init__(self, server: Server, case: Case, known: Known) -> None:
        self.server = server
        self.workspace = server.workspace
        self.case = case
        self.known = known
        self.own = known.rows_of(case)

    def run(self) -> None:
        """Ids first, then objects, then their fields as far as the call's own records show them."""
        self._recorded_ids()
        self._custom_objects()
        self._fields()
        self._columns()

    def _recorded_ids(self) -> None:
        for name, key in self.known.objects.items():
            kind = self.workspace.kinds.get(name)
            if kind is not None:
                self._rename_object(kind, key)
        for key, versions in self.known.fields.items():
            shape = versions[0][1]
            kind = next((kind for kind in self.workspace.kinds.values() if kind.id == shape["objectMetadataId"]), None)
            if kind is not None and shape["name"] in kind.fields:
                self._rename_field(kind, shape["name"], key)
        refused = re.search(r'standard field \\\\?"(\w+)', json.dumps(self.case.body))
        if refused:  # a call that names a person's field by an id which no other call shows
            self._rename_field(self.workspace.kinds["person"], refused.group(1), self.case.path.rpartition("/")[2])
        found = re.search(r'"m": "([0-9a-f-]{36})"', json.dumps(self.case.request))
        if found:  # the only field that uploads name is attachment.file (facts/twenty.md §7)
            self._rename_field(self.workspace.kinds["attachment"], "file", found.group(1))
        self.workspace.look_up_ids()

    def _rename_object(self, kind: ObjectType, key: str) -> None:
        for other in self.workspace.kinds.values():
            for field in other.fields.values():
                field.object_id = key if field.object_id == kind.id else field.object_id
                field.target_object_id = key if field.target_object_id == kind.id else field.target_object_id
        kind.id = key

    def _rename_field(self, kind: ObjectType, name: str, key: str) -> None:
        old = kind.fields[name].id
        for other in self.workspace.kinds.values():
            for field in other.fields.values():
                field.target_field_id = key if field.target_field_id == old else field.target_field_id
        kind.fields[name].id = key
        kind.label_identifier_id = key if kind.label_identifier_id == old else kind.label_identifier_id

    def _custom_objects(self) -> None:
        """Objects that the call names: by id, by plural in the path, or by a record's target column."""
        for name, key in self.known.objects.items():
            if name in self.workspace.kinds:
                continue
            pascal = name[0].upper() + name[1:]
            fields = [field for field, versions in self.known.fields.items() if versions[0][1]["objectMetadataId"] == key]
            named = (
                key in self.case.text
                or any(field in self.case.path for field in fields)
                or f"/{name}s" in self.case.path
                or f"target{pascal}Id" in self.case.text
            )
            listed = f'"nameSingular": "{name}"' in json.dumps(self.case.body) and self.case.method != "DELETE"
            created = self.case.method == "POST" and f'"nameSingular": "{name}"' in json.dumps(self.case.request)
            if (named or listed) and not created:
                self._make_object(name, key)

    def _make_object(self, name: str, key: str) -> None:
        shape = self.known.object_shapes.get(key, {})
        wanted = {
            "nameSingular": name,
            "namePlural": shape.get("namePlural", f"{name}s"),
            "labelSingular": shape.get("labelSingular", name),
            "labelPlural": shape.get("labelPlural", f"{name}s"),
        }
        wanted |= {part: shape[part] for part in ("description", "icon") if part in shape}
        kind = self.server.metadata.create_object(wanted)
        self._rename_object(kind, key)
        for item in shape.get("fields", []):
            if item["name"] in kind.fields:
                self._rename_field(kind, item["name"], item["id"])
        for field_key, versions in self.known.fields.items():
            field = versions[0][1]
            if field["objectMetadataId"] == key and field["name"] in kind.fields:
                self._rename_field(kind, field["name"], field_key)
        if shape.get("labelIdentifierFieldMetadataId") and not shape.get("fields"):
            self._rename_field(kind, "name", shape["labelIdentifierFieldMetadataId"])
        self.workspace.look_up_ids()

    def _fields(self) -> None:
        """Custom fields that existed before the call on objects that it names, as last shown before it."""
        for key, shape in self.known.fields_before(self.case).items():
            kind = self.workspace.find_kind(shape["objectMetadataId"])
            if kind is None or self.known.deleted_fields.get(key, 1e12) < self.case.moment:
                continue
            if self.workspace.field_by_id(key) is None and shape["name"] not in kind.fields:
                self._make_field(kind, key, shape)
            field = self.workspace.field_by_id(key)
            if field is not None:
                field.label, field.active = shape["label"], shape["isActive"]
                earlier = any(moment < self.case.moment for moment, _ in self.known.fields[key])
                if shape.get("options") and field.options and earlier:
                    field.options = shape["options"]

    def _make_field(self, kind: ObjectType, key: str, shape: Row) -> None:
        data = {name: shape[name] for name in CREATABLE_KEYS if shape.get(name) is not None}
        data["objectMetadataId"] = kind.id
        if shape["type"] == "RELATION":
            payload = self.known.payloads.get(key)
            if payload is None or self.workspace.find_kind(payload["targetObjectMetadataId"]) is None:
                return
            data["relationCreationPayload"] = payload
        if shape.get("options") and shape["type"] != "RATING":
            data["options"] = shape["options"]
        field = self.server.metadata.create_field(data)
        self._rename_field(kind, field.name, key)
        field.universal_id, field.options = shape["universalIdentifier"], shape.get("options")
        self.workspace.look_up_ids()

    def _columns(self) -> None:
        """Columns that the answer's records show and the schema lacks, and none that they do not show."""
        for name, row in self.own:
            kind = self.workspace.kinds[name]
            for column in [column for column in row if column not in kind.columns]:
                self._make_column(kind, column)
            for field in [field for field in kind.fields.values() if field.custom]:
                column = field.join_column or field.name
                if not (field.is_relation and field.join_column is None) and column not in row:
                    self.server.metadata.delete_field(field.id)

    def _make_column(self, kind: ObjectType, column: str) -> None:
        shapes = [shape for versions in self.known.fields.values() for _, shape in versions]
        for shape in shapes:
            settings: Row = shape.get("settings") or {}
            join = settings.get("joinColumnName")
            if shape["objectMetadataId"] == kind.id and column in (shape["name"], join):
                self._make_field(kind, shape["id"], shape)
                return
        target = next((name for name in self.workspace.kinds if column.lower().endswith(f"{name}id".lower())), None)
        if target is not None:
            self._relate(kind, column.removesuffix("Id"), self.workspace.kinds[target])

    def _relate(self, kind: ObjectType, name: str, target: ObjectType) -> None:
        payload = {
            "type": "MANY_TO_ONE",
            "targetObjectMetadataId": target.id,
            "targetFieldLabel": f"By {name}",
            "targetFieldIcon": "IconX",
        }
        data = {"type": "RELATION", "name": name, "label": name, "objectMetadataId": kind.id, "relationCreationPayload": payload}
        self.server.metadata.create_field(data)
