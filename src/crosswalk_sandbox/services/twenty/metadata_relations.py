"""Making relations: both sides at once, from a creation payload (facts/twenty.md §8; transcripts meta_relation_*)."""

from typing import Any

from .ids import new_id
from .metadata_errors import bad_field, bad_relation, cause
from .metadata_names import camel_case, field_errors
from .schema import Field, ObjectType, Row, is_list, is_row
from .standard import CUSTOM_APPLICATION, link
from .state import Workspace


def renew(forward: Field, backward: Field) -> None:
    """Give both sides of a relation ids of their own, for they were made by somebody."""
    for field in (forward, backward):
        field.id, field.universal_id, field.application_id = new_id(), new_id(), CUSTOM_APPLICATION
    forward.target_field_id, backward.target_field_id = backward.id, forward.id


def create_relations(workspace: Workspace, owner: ObjectType, data: Row) -> Field:
    morph = data["type"] == "MORPH_RELATION"
    payloads: Any = data.get("morphRelationsCreationPayload") if morph else [data.get("relationCreationPayload")]
    if not is_list(payloads) or not payloads:
        raise bad_relation(payloads, "it is required")
    items: list[Any] = payloads
    plans: list[tuple[Row, ObjectType, str, str]] = []
    for payload in items:
        target = _target(workspace, payload)
        name = f"{data['name']}{target.pascal()}" if morph else data["name"]
        plans.append((payload, target, name, camel_case(payload["targetFieldLabel"])))
    for payload, target, name, reverse in plans:
        _check(owner, target, name, reverse, payload)
    made = [_relate(workspace.clock.now(), owner, data, *plan) for plan in plans]
    workspace.refresh(owner.name, *(target.name for _, target, *_ in plans))
    return made[0]


def _target(workspace: Workspace, payload: Any) -> ObjectType:
    if not is_row(payload):
        raise bad_relation(payload, "it must be an object")
    wanted: Row = payload
    for key in ("type", "targetObjectMetadataId", "targetFieldLabel", "targetFieldIcon"):
        if not isinstance(wanted.get(key), str):
            raise bad_relation(wanted, f"{key} must be a string")
    found = workspace.find_kind(wanted["targetObjectMetadataId"])
    if found is None:
        raise bad_relation(wanted, "targetObjectMetadataId names no object")
    return found


def _check(owner: ObjectType, target: ObjectType, name: str, reverse: str, payload: Row) -> None:
    many_to_one = payload["type"] == "MANY_TO_ONE"
    for holder, given, joins in ((owner, name, many_to_one), (target, reverse, not many_to_one)):
        errors = field_errors(holder, given)
        if joins and not errors and f"{given}Id" in holder.columns:
            errors = [cause("NOT_AVAILABLE", f'Name "{given}Id" is not available as it is already used by another field', given)]
        if errors:
            raise bad_field(holder, given, errors)


def _relate(now: str, owner: ObjectType, data: Row, payload: Row, target: ObjectType, name: str, reverse: str) -> Field:
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
    renew(forward, backward)
    mine, theirs = (backward, forward) if one_to_many else (forward, backward)
    mine.description = f"{owner.pascal_plural()} tied to the {target.label}"
    theirs.description = f"{target.pascal_plural()} tied to the {owner.label}"
    for field in (forward, backward):
        field.custom = True
    return mine
