"""Changing the schema: objects, fields, relations, options (facts/twenty.md §8)."""

import re
from typing import Any

import orjson

from .errors import TwentyError
from .ids import new_id
from .metadata_errors import (
    BAD_NAME,
    RESERVED,
    RESERVED_TEXT,
    bad_field,
    bad_field_change,
    bad_object,
    bad_relation,
    bad_request,
    cause,
    failed_migration,
)
from .schema import EMPTY, FIELD_TYPES, Field, ObjectType, Row, is_list, is_row, unique_value
from .standard import CUSTOM_APPLICATION, CUSTOM_LINKS, CUSTOM_ORDER, definitions, link, make_field
from .state import Workspace

NAME = re.compile(r"[a-z][a-zA-Z0-9]*")
OPTION_VALUE = re.compile(r"[A-Z_][A-Z0-9_]*")
NAME_LIMIT = 63
RATINGS = 5
WORDS = re.compile(r"[A-Z]?[a-z]+|[A-Z]+(?![a-z])|\d+")
NULLABLE_WITHOUT_DEFAULT = ("RELATION", "MORPH_RELATION")


def camel_case(label: str) -> str:
    """A label as a name: `Ledger entries` is ledgerEntries."""
    words = [word.lower() for word in WORDS.findall(label)]
    return "".join([*words[:1], *(word.capitalize() for word in words[1:])])


def pascal(name: str) -> str:
    return name[:1].upper() + name[1:]


def _name_errors(name: str, code: str) -> list[Row]:
    if not NAME.fullmatch(name):
        return [cause(code, BAD_NAME, name)]
    if len(name) > NAME_LIMIT:
        return [cause(code, f"Name is too long: it exceeds the {NAME_LIMIT} characters limit", name)]
    return []


def option_errors(options: Any) -> list[Row]:
    """What is wrong with a list of options (transcripts meta_create_field_select_*)."""
    if not is_list(options) or not options:
        return [cause("INVALID_FIELD_INPUT", "Options are required for enum fields")]
    errors: list[Row] = []
    seen: set[Any] = set()
    items: list[Row] = options
    for option in items:
        value, label = option.get("value"), option.get("label")
        if not value:
            errors.append(cause("INVALID_FIELD_INPUT", "Option value is required"))
        elif not isinstance(value, str) or not OPTION_VALUE.fullmatch(value):
            message = f'Value must be in UPPER_CASE and follow snake_case "{value}"'
            errors.append(cause("INVALID_FIELD_INPUT", message, value))
        elif value in seen:
            errors.append(cause("INVALID_FIELD_INPUT", f'Duplicated option value "{value}"', value))
        if not label or not isinstance(label, str):
            errors.append(cause("INVALID_FIELD_INPUT", "Option label is required"))
        elif "," in label or len(label) > NAME_LIMIT:
            message = "Label must not contain a comma" if "," in label else f"Option label exceeds {NAME_LIMIT} characters"
            errors.append(cause("INVALID_FIELD_INPUT", message, label))
        seen.add(value)
    return errors


def made_options(options: list[Row]) -> list[Row]:
    """Options as kept: an id is given to those without one."""
    return [
        {"id": option.get("id") or new_id(), **{key: item for key, item in option.items() if key != "id"}} for option in options
    ]


class Metadata:
    """The schema commands. Every refusal is a PlainAnswer or a TwentyError."""

    def __init__(self, workspace: Workspace) -> None:
        self.workspace = workspace

    # -- objects ----------------------------------------------------------------------------------------------------

    def object(self, object_id: str) -> ObjectType:
        kind = self.workspace.find_kind(object_id)
        if kind is None:
            raise TwentyError(
                "Object metadata not found", status=404, kind="NotFoundException", sub_code="OBJECT_METADATA_NOT_FOUND"
            )
        return kind

    def create_object(self, data: Row) -> ObjectType:
        """A custom object with its base columns and the links that every record has (transcript meta_create_object)."""
        names = {key: data.get(key) for key in ("nameSingular", "namePlural", "labelSingular", "labelPlural")}
        for key, value in names.items():
            if not isinstance(value, str) or not value:
                raise bad_request(f"{key} should not be empty", f"{key} must be a string")
        self._check_object(data)
        now = self.workspace.clock.now()
        kind = ObjectType(
            id=new_id(),
            universal_id=new_id(),
            name=data["nameSingular"],
            plural=data["namePlural"],
            label=data["labelSingular"],
            label_plural=data["labelPlural"],
            created_at=now,
            updated_at=now,
            application_id=CUSTOM_APPLICATION,
            description=data.get("description"),
            icon=data.get("icon"),
            custom=True,
            label_synced=bool(data.get("isLabelSyncedWithName", False)),
            search_fields=("name",),
        )
        lines = {line["name"]: dict(line) for line in definitions()["base"]}
        lines["name"] = {"name": "name", "type": "TEXT", "label": "Name", "icon": "IconAbc"}
        lines["deletedAt"] |= {"icon": "IconCalendarClock", "description": "Deletion date"}
        for name in CUSTOM_ORDER:
            field = make_field(kind, lines[name], now)
            field.settings = None
            field.id, field.universal_id = new_id(), new_id()
            if field.type == "ACTOR":
                field.default = {"name": "''", "source": "'MANUAL'"}
            kind.fields[name] = field
        kind.label_identifier_id = kind.fields["name"].id
        self.workspace.kinds[kind.name] = kind
        for owner, reverse, label, icon in CUSTOM_LINKS:
            self._link_custom(self.workspace.kinds[owner], kind, reverse, label, icon)
        self.workspace.refresh(*(owner for owner, *_ in CUSTOM_LINKS))
        return kind

    def _check_object(self, data: Row) -> None:
        name, plural = data["nameSingular"], data["namePlural"]
        errors: list[Row] = []
        for given in (name, plural):
            errors += _name_errors(given, "INVALID_OBJECT_INPUT")
            if given in RESERVED:
                errors.append(cause("INVALID_OBJECT_INPUT", RESERVED_TEXT, given))
        if name == plural:
            message = "The singular and plural names cannot be the same for an object"
            errors.append(cause("INVALID_OBJECT_INPUT", message, name))
        if data.get("isLabelSyncedWithName"):
            synced = camel_case(data["labelSingular"]) == name and camel_case(data["labelPlural"]) == plural
            if not synced:
                errors.append(cause("INVALID_OBJECT_INPUT", "Names are not synced with labels"))
        taken = name in self.workspace.kinds or plural in self.workspace.by_plural
        if taken:
            errors.append(cause("OBJECT_ALREADY_EXISTS", "Object already exists"))
        if errors:
            links = {owner: self.workspace.kinds[owner].universal_id for owner, *_ in CUSTOM_LINKS}
            raise bad_object(name, plural, errors, links, exists=taken)

    def _link_custom(self, owner: ObjectType, kind: ObjectType, reverse: str, label: str, icon: str) -> None:
        now = kind.created_at
        spec: Row = {
            "name": f"target{kind.pascal()}",
            "label": kind.label,
            "type": "MORPH_RELATION",
            "reverse": reverse,
            "reverse_label": label,
            "reverse_icon": icon,
            "on_delete": "CASCADE",
        }
        forward, backward = link(owner, kind, spec, now)
        self._renew(forward, backward)
        backward.description = f"{kind.pascal_plural()} tied to the {owner.label}"

    def _renew(self, forward: Field, backward: Field) -> None:
        for field in (forward, backward):
            field.id, field.universal_id, field.application_id = new_id(), new_id(), CUSTOM_APPLICATION
        forward.target_field_id, backward.target_field_id = backward.id, forward.id

    def update_object(self, object_id: str, data: Row) -> ObjectType:
        """Labels, description, icon, isActive; names of custom objects too."""
        kind = self.object(object_id)
        self._rename_object(kind, data)
        kind.label = data.get("labelSingular", kind.label)
        kind.label_plural = data.get("labelPlural", kind.label_plural)
        kind.description = data.get("description", kind.description)
        kind.icon = data.get("icon", kind.icon)
        kind.active = bool(data.get("isActive", kind.active))
        kind.label_identifier_id = data.get("labelIdentifierFieldMetadataId", kind.label_identifier_id)
        kind.updated_at = self.workspace.clock.now()
        self.workspace.refresh()
        return kind

    def _rename_object(self, kind: ObjectType, data: Row) -> None:
        name, plural = data.get("nameSingular", kind.name), data.get("namePlural", kind.plural)
        if (name, plural) == (kind.name, kind.plural):
            return
        if not kind.custom:
            raise TwentyError("Cannot rename standard objects", kind="Error", code="OBJECT_MUTATION_NOT_ALLOWED", status=403)
        old, table = kind.name, self.workspace.tables.pop(kind.name)
        del self.workspace.kinds[old]
        kind.name, kind.plural = name, plural
        self.workspace.kinds[name], self.workspace.tables[name] = kind, table
        for owner, *_ in CUSTOM_LINKS:
            other = self.workspace.kinds[owner]
            field = other.fields.get(f"target{pascal(old)}")
            if field is not None:
                self._rename_field(other, field, f"target{pascal(name)}")

    def delete_object(self, object_id: str) -> ObjectType:
        """Drop a custom object, its rows and every field that points at it (transcript meta_object_delete_active_with_data)."""
        kind = self.object(object_id)
        if not kind.custom:
            message = "Standard objects cannot be deleted"
            raise TwentyError(message, status=403, kind="Error", code="OBJECT_MUTATION_NOT_ALLOWED")
        changed: list[str] = []
        for other in self.workspace.kinds.values():
            for field in [field for field in other.fields.values() if field.target_object_id == kind.id and other is not kind]:
                self._drop(other, field)
                changed.append(other.name)
        self.workspace.tables[kind.name].clear()
        del self.workspace.kinds[kind.name]
        self.workspace.refresh(*changed)
        return kind

    # -- fields -----------------------------------------------------------------------------------------------------

    def field(self, field_id: str) -> tuple[ObjectType, Field]:
        field = self.workspace.field_by_id(field_id)
        if field is None:
            raise TwentyError("Field metadata not found", status=404, kind="NotFoundException", sub_code="FIELD_METADATA_NOT_FOUND")
        return self.object(field.object_id), field

    def create_field(self, data: Row) -> Field:
        """A field of any creatable type; relations make both sides (transcripts meta_create_field_*, meta_relation_*)."""
        if data.get("type") not in FIELD_TYPES:
            raise bad_request(f"type must be one of the following values: {', '.join(FIELD_TYPES)}")
        for key in ("name", "label"):
            if not isinstance(data.get(key), str) or not data[key]:
                raise bad_request(f"{key} should not be empty", f"{key} must be a string")
        owner = self.object(str(data.get("objectMetadataId")))
        kind = data["type"]
        if kind in NULLABLE_WITHOUT_DEFAULT:
            return self._create_relations(owner, data)
        errors = self._field_errors(owner, data["name"])
        if kind == "NUMERIC":
            message = "Field type NUMERIC is not supported for field creation. Use NUMBER instead."
            errors.append(cause("INVALID_FIELD_INPUT", message, kind, "Field type NUMERIC is not supported. Use Number instead."))
        if kind in ("SELECT", "MULTI_SELECT"):
            errors += option_errors(data.get("options"))
        if errors:
            raise bad_field(owner, data["name"], errors)
        if data.get("isNullable") is False and data.get("defaultValue") is None:
            raise failed_migration("create", "fieldMetadata")
        field = self._plain_field(owner, data)
        owner.fields[field.name] = field
        self.workspace.refresh(owner.name)
        return field

    def _plain_field(self, owner: ObjectType, data: Row) -> Field:
        now = self.workspace.clock.now()
        kind, options = data["type"], data.get("options")
        if kind == "RATING":
            options = [{"label": str(n), "value": f"RATING_{n}", "position": n - 1} for n in range(1, RATINGS + 1)]
        default = data.get("defaultValue")
        if kind == "ACTOR" and default is None:
            default = {"name": "'System'", "source": "'MANUAL'", "context": None, "workspaceMemberId": None}
        settings = data.get("settings")
        return Field(
            id=new_id(),
            universal_id=new_id(),
            object_id=owner.id,
            type=kind,
            name=data["name"],
            label=data["label"],
            created_at=now,
            updated_at=now,
            application_id=CUSTOM_APPLICATION,
            description=data.get("description"),
            icon=data.get("icon"),
            nullable=data.get("isNullable") is not False,
            unique=bool(data.get("isUnique", False)),
            custom=True,
            label_synced=bool(data.get("isLabelSyncedWithName", False)),
            default=default,
            options=made_options(options) if options is not None else None,
            settings=settings,
        )

    def _field_errors(self, owner: ObjectType, name: str) -> list[Row]:
        errors = _name_errors(name, "INVALID_FIELD_INPUT")
        if name in RESERVED:
            errors.append(cause("RESERVED_KEYWORD", RESERVED_TEXT, name))
        parts = {f"{field.name}{pascal(part)}" for field in owner.fields.values() for part in _parts(field)}
        if name in parts:
            errors.append(cause("RESERVED_KEYWORD", f'Name "{name}" is reserved composite field name', name))
        if name in owner.fields:
            errors.append(cause("NOT_AVAILABLE", f'Name "{name}" is not available as it is already used by another field', name))
        elif name in owner.joins:
            message = f'Name "{name}" is not available as it is already used by'
            errors.append(cause("NOT_AVAILABLE", f"{message} another join column name", name, f"{message} join column name"))
        return errors

    # -- relations --------------------------------------------------------------------------------------------------

    def _create_relations(self, owner: ObjectType, data: Row) -> Field:
        morph = data["type"] == "MORPH_RELATION"
        payloads: Any = data.get("morphRelationsCreationPayload") if morph else [data.get("relationCreationPayload")]
        if not is_list(payloads) or not payloads:
            raise bad_relation(payloads, "it is required")
        items: list[Any] = payloads
        plans: list[tuple[Row, ObjectType, str, str]] = []
        for payload in items:
            target = self._relation_target(payload)
            name = f"{data['name']}{target.pascal()}" if morph else data["name"]
            plans.append((payload, target, name, camel_case(payload["targetFieldLabel"])))
        for payload, target, name, reverse in plans:
            self._check_relation(owner, target, name, reverse, payload)
        made = [self._relate(owner, data, *plan) for plan in plans]
        self.workspace.refresh(owner.name, *(target.name for _, target, *_ in plans))
        return made[0]

    def _relation_target(self, payload: Any) -> ObjectType:
        if not is_row(payload):
            raise bad_relation(payload, "it must be an object")
        wanted: Row = payload
        for key in ("type", "targetObjectMetadataId", "targetFieldLabel", "targetFieldIcon"):
            if not isinstance(wanted.get(key), str):
                raise bad_relation(wanted, f"{key} must be a string")
        return self.object(wanted["targetObjectMetadataId"])

    def _check_relation(self, owner: ObjectType, target: ObjectType, name: str, reverse: str, payload: Row) -> None:
        many_to_one = payload["type"] == "MANY_TO_ONE"
        for holder, given, joins in ((owner, name, many_to_one), (target, reverse, not many_to_one)):
            errors = self._field_errors(holder, given)
            if joins and not errors and f"{given}Id" in holder.columns:
                errors = [
                    cause("NOT_AVAILABLE", f'Name "{given}Id" is not available as it is already used by another field', given)
                ]
            if errors:
                raise bad_field(holder, given, errors)

    def _relate(self, owner: ObjectType, data: Row, payload: Row, target: ObjectType, name: str, reverse: str) -> Field:
        now = self.workspace.clock.now()
        one_to_many = payload["type"] == "ONE_TO_MANY"
        sent: Row = {"name": name, "label": data["label"], "icon": data.get("icon")}
        other: Row = {"name": reverse, "label": payload["targetFieldLabel"], "icon": payload["targetFieldIcon"]}
        one, many = (other, sent) if one_to_many else (sent, other)
        holder, shown = (target, owner) if one_to_many else (owner, target)
        spec: Row = {
            **one,
            "type": data["type"],
            "icon": one["icon"] or "IconRelationManyToOne",
            "reverse": many["name"],
            "reverse_label": many["label"],
            "reverse_icon": many["icon"] or "IconRelationOneToMany",
            "on_delete": "SET_NULL",
        }
        forward, backward = link(holder, shown, spec, now)
        self._renew(forward, backward)
        mine, theirs = (backward, forward) if one_to_many else (forward, backward)
        mine.description = f"{owner.pascal_plural()} tied to the {target.label}"
        theirs.description = f"{target.pascal_plural()} tied to the {owner.label}"
        for field in (forward, backward):
            field.custom = True
        return mine

    # -- changing and dropping --------------------------------------------------------------------------------------

    def update_field(self, field_id: str, data: Row) -> Field:
        """Change a field; `type` is silently ignored (facts/twenty.md §8)."""
        owner, field = self.field(field_id)
        if data.get("options") is not None:
            errors = option_errors(data["options"])
            if errors:
                raise bad_field_change(owner, field.name, errors, "update")
        if data.get("isUnique") and not field.unique and not self._can_be_unique(owner, field):
            raise failed_migration("update", "fieldMetadata")
        name = data.get("name", field.name)
        if name != field.name:
            errors = self._field_errors(owner, name)
            if errors:
                raise bad_field_change(owner, field.name, errors, "update")
            self._rename_field(owner, field, name)
        if data.get("options") is not None:
            self._replace_options(owner, field, made_options(data["options"]))
        field.label = data.get("label", field.label)
        field.description = data.get("description", field.description)
        field.icon = data.get("icon", field.icon)
        field.active = bool(data.get("isActive", field.active))
        field.unique = bool(data.get("isUnique", field.unique))
        field.default = data.get("defaultValue", field.default)
        field.settings = data.get("settings", field.settings) if not field.is_relation else field.settings
        field.updated_at = self.workspace.clock.now()
        self.workspace.refresh(owner.name)
        return field

    def _can_be_unique(self, owner: ObjectType, field: Field) -> bool:
        values = [unique_value(field, row) for _, row in self.workspace.table(owner.name).scan()]
        filled = [value for value in values if value is not None]
        return len(filled) == len(set(filled))

    def _rewrite(self, owner: ObjectType, change: Any) -> None:
        table = self.workspace.tables[owner.name]
        for key, data in list(table.rows.items()):
            stored: Row = orjson.loads(data)
            changed: Row | None = change(stored)
            if changed is not None:
                table.rows.put(key, memoryview(orjson.dumps(changed)).tobytes())

    def _rename_field(self, owner: ObjectType, field: Field, name: str) -> None:
        old_column, old = field.join_column, field.name
        renamed = {old: name}
        if old_column is not None and field.settings is not None:
            field.settings = {**field.settings, "joinColumnName": f"{name}Id"}
            renamed = {old_column: f"{name}Id"}
        field.name = name
        owner.fields = {item.name: item for item in owner.fields.values()}
        self._rewrite(owner, lambda row: {renamed.get(k, k): v for k, v in row.items()} if renamed.keys() & row.keys() else None)

    def _replace_options(self, owner: ObjectType, field: Field, options: list[Row]) -> None:
        """The whole list is replaced: a stored value whose option's id is gone is wiped (transcript meta_field_update_options_noid)."""
        kept = {option["id"]: option["value"] for option in options}
        moved = {option["value"]: kept.get(option["id"]) for option in field.options or []}
        field.options = options
        name = field.name

        def change(row: Row) -> Row | None:
            value = row.get(name)
            if is_list(value):
                items: list[Any] = value
                return {**row, name: [new for item in items if (new := moved.get(item)) is not None]}
            return {**row, name: moved.get(value)} if value in moved else None

        if any(old != new for old, new in moved.items()):
            self._rewrite(owner, change)

    def _drop(self, owner: ObjectType, field: Field) -> None:
        column = field.join_column or field.name
        owner.fields.pop(field.name, None)
        self._rewrite(owner, lambda row: {k: v for k, v in row.items() if k != column} if column in row else None)

    def delete_field(self, field_id: str) -> Field:
        """Drop a custom field with its data, both sides of a relation (transcripts meta_field_delete_*)."""
        owner, field = self.field(field_id)
        if field.id == owner.label_identifier_id:
            message = "Cannot delete, please update the label identifier field first"
            raise bad_field_change(owner, field.name, [cause("FIELD_MUTATION_NOT_ALLOWED", message)], "delete")
        if not field.custom:
            message = f'Cannot delete standard field "{field.name}"'
            raise TwentyError(
                message, status=403, kind="Error", code="FIELD_MUTATION_NOT_ALLOWED", sub_code="FIELD_MUTATION_NOT_ALLOWED"
            )
        self._drop(owner, field)
        changed = [owner.name]
        other = self.workspace.field_by_id(field.target_field_id or "")
        if other is not None:
            target = self.object(other.object_id)
            self._drop(target, other)
            changed.append(target.name)
        self.workspace.refresh(*changed)
        return field


def _parts(field: Field) -> list[str]:
    empty = EMPTY.get(field.type)
    return list(empty) if is_row(empty) else []
