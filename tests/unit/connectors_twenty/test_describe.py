"""Where relations lead and what is custom, told by the server or read off names (facts/twenty.md §8)."""

from typing import Any

import pytest

from crosswalk.connectors.twenty.describe import objects_of, to_description, told_targets
from crosswalk.connectors.twenty.read import conditions, is_twenty_id
from crosswalk.model.destination_schema import DestinationField


def relation(name: str, join_column: str, kind: str = "RELATION") -> dict[str, Any]:
    settings = {"relationType": "MANY_TO_ONE", "joinColumnName": join_column}
    return {"id": f"field-{name}", "name": name, "type": kind, "settings": settings, "applicationId": "standard"}


def metadata(plural: str, singular: str, *fields: dict[str, Any], **more: Any) -> dict[str, Any]:
    return {
        "id": f"id-{plural}",
        "namePlural": plural,
        "nameSingular": singular,
        "fields": fields,
        "applicationId": "standard",
        **more,
    }


OBJECTS = [
    metadata("people", "person", relation("company", "companyId")),
    metadata("companies", "company", relation("accountOwner", "accountOwnerId")),
    metadata(
        "taskTargets", "taskTarget",
        relation("task", "taskId"),
        relation("targetPerson", "targetPersonId", "MORPH_RELATION"),
        relation("targetBillingLedger", "targetBillingLedgerId", "MORPH_RELATION"),
    ),
    metadata("tasks", "task", relation("assignee", "assigneeId"), isSystem=False),
    metadata("workspaceMembers", "workspaceMember", isSystem=True),
    metadata("billingLedgers", "billingLedger", relation("seenBy", "seenById"), applicationId="custom"),
    metadata("rockets", "rocket", isActive=False),
]  # fmt: skip


@pytest.mark.parametrize(
    ("plural", "path", "target"),
    [
        ("people", "companyId", "companies"),
        ("companies", "accountOwnerId", "workspaceMembers"),
        ("taskTargets", "taskId", "tasks"),
        ("taskTargets", "targetPersonId", "people"),
        ("taskTargets", "targetBillingLedgerId", "billingLedgers"),
        ("tasks", "assigneeId", "workspaceMembers"),
        ("billingLedgers", "seenById", None),
    ],
)
def test_targets_read_off_names(plural: str, path: str, target: str | None) -> None:
    """A server that does not tell: the join column's name says it, or nobody does."""
    field = to_description(OBJECTS, {}, "x").object(plural).field(path)
    assert field and field.to_object == target


def test_told_targets_come_first() -> None:
    """What GraphQL tells wins over names, for plain and for morph relations."""
    plain = {"id": "a", "relation": {"targetObjectMetadata": {"id": "id-people"}}, "morphRelations": None}
    part = {"sourceFieldMetadata": {"id": "b"}, "targetObjectMetadata": {"id": "id-companies"}}
    assert dict(told_targets(plain)) == {"a": "id-people"}
    assert dict(told_targets({"id": "c", "relation": None, "morphRelations": [part]})) == {"b": "id-companies"}
    described = to_description(OBJECTS, {"field-seenBy": "id-people"}, "x")
    field = described.object("billingLedgers").field("seenById")
    assert field and field.to_object == "people"


def test_custom_is_what_the_standard_application_does_not_own() -> None:
    """2.21 no longer says isCustom; where a server says it, it counts."""
    described = to_description(OBJECTS, {}, "x").schema
    assert {item.name for item in described.objects if item.custom} == {"billingLedgers"}
    older = [{**item, "isCustom": item["namePlural"] == "tasks"} for item in OBJECTS]
    assert {item.name for item in to_description(older, {}, "x").schema.objects if item.custom} == {"tasks"}


def test_deactivated_objects_are_absent_and_order_does_not_matter() -> None:
    """The same workspace gives the same digest, however it is listed."""
    described = to_description(OBJECTS, {}, "x").schema
    assert described.object("rockets") is None
    assert to_description(OBJECTS[::-1], {}, "x").schema.digest() == described.digest()


@pytest.mark.parametrize("form", [OBJECTS, {"data": OBJECTS}, {"data": {"objects": OBJECTS}, "totalCount": 7}])
def test_both_answer_formats(form: Any) -> None:
    """New workspaces answer with the bare list, older ones wrap it."""
    assert objects_of(form) == OBJECTS


@pytest.mark.parametrize(
    ("text", "accepted"),
    [
        ("66e84044-6360-46f8-b1eb-48827b9f88ea", True),
        ("D94B0E9A-1F5C-5C0D-9C3B-5D0F7C1B2A33", True),
        ("018f3a5e-7c1b-7abc-9def-0123456789ab", False),
        ("018f3a5e-7c1b-8abc-9def-0123456789ab", False),
        ("00000000-0000-0000-0000-000000000000", False),
        ("P-123", False),
    ],
)
def test_ids_twenty_accepts(text: str, accepted: bool) -> None:
    """UUID versions 1 to 5 with the RFC variant [create_id_*] (§3)."""
    assert is_twenty_id(text) is accepted


def test_questions_fit_an_address() -> None:
    """Thousands of long values are asked for in parts of at most 200, each far below 15 kB of address (§2)."""
    field = DestinationField(path="emails.primaryEmail", type="email")
    values = [f"somebody.with.a.long.name.{number}@a.rather.long.domain.example" for number in range(2000)]
    asked = list(conditions(field, values))
    assert sum(condition.count("@") for condition in asked) == 2000
    assert max(len(condition) for condition in asked) < 14_000
