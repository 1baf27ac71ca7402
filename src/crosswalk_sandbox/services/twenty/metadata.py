"""Changing the schema: objects, fields, relations, options (facts/twenty.md §8)."""

from .errors import TwentyError
from .ids import new_id
from .metadata_errors import RESERVED, RESERVED_TEXT, bad_field, bad_field_change, bad_object, bad_request, cause, failed_migration
from .metadata_names import camel_case, field_errors, made_options, name_errors, option_errors, pascal
from .metadata_relations import create_relations, renew
from .metadata_rows import drop_field, rename_field, replace_options
from .schema import FIELD_TYPES, Field, ObjectType, Row, unique_value
from .standard import CUSTOM_APPLICATION, CUSTOM_LINKS, CUSTOM_ORDER, definitions, link, make_field
from .state import Workspace

RATINGS = 5


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
            errors += name_errors(given, "INVALID_OBJECT_INPUT")
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
        renew(forward, backward)
        backward.description = f"{kind.pascal_plural()} tied to the {owner.label}"

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
                rename_field(self.workspace.tables[other.name], other, field, f"target{pascal(name)}")

    def delete_object(self, object_id: str) -> ObjectType:
        """Drop a custom object, its rows and every field that points at it (transcript meta_object_delete_active_with_data)."""
        kind = self.object(object_id)
        if not kind.custom:
            message = "Standard objects cannot be deleted"
            raise TwentyError(message, status=403, kind="Error", code="OBJECT_MUTATION_NOT_ALLOWED")
        changed: list[str] = []
        for other in self.workspace.kinds.values():
            for field in [field for field in other.fields.values() if field.target_object_id == kind.id and other is not kind]:
                drop_field(self.workspace.tables[other.name], other, field)
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
        if kind in ("RELATION", "MORPH_RELATION"):
            return create_relations(self.workspace, owner, data)
        errors = field_errors(owner, data["name"])
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
            errors = field_errors(owner, name)
            if errors:
                raise bad_field_change(owner, field.name, errors, "update")
            rename_field(self.workspace.tables[owner.name], owner, field, name)
        if data.get("options") is not None:
            replace_options(self.workspace.tables[owner.name], field, made_options(data["options"]))
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
        drop_field(self.workspace.tables[owner.name], owner, field)
        changed = [owner.name]
        other = self.workspace.field_by_id(field.target_field_id or "")
        if other is not None:
            target = self.object(other.object_id)
            drop_field(self.workspace.tables[target.name], target, other)
            changed.append(target.name)
        self.workspace.refresh(*changed)
        return field
