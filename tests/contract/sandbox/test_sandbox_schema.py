"""Changing the schema (facts/twenty.md §8)."""

from typing import Any

import pytest
from talk import Talk


def shapes(talk: Talk) -> Any:
    """All objects with their fields, as a client discovers them."""
    return talk.get("/rest/metadata/objects")["data"]


def relation(talk: Talk, owner: str, target: str, name: str, reverse: str) -> dict[str, Any]:
    payload = {
        "type": "MANY_TO_ONE",
        "targetObjectMetadataId": talk.object_id(target),
        "targetFieldLabel": reverse,
        "targetFieldIcon": "IconX",
    }
    body = {"objectMetadataId": owner, "type": "RELATION", "name": name, "label": name, "relationCreationPayload": payload}
    return talk.call("POST", "/rest/metadata/fields", body)[1]


def test_a_custom_object_with_fields_and_rows_leaves_no_trace_when_deleted() -> None:
    """Object, unique field, relation and rows made and removed: the metadata is as before."""
    talk = Talk()
    before = shapes(talk)
    owner = talk.custom("ledger", {"name": "sourceId", "type": "TEXT", "isUnique": True})
    field = relation(talk, owner, "person", "patient", "Ledger entries")
    assert field["settings"] == {"onDelete": "SET_NULL", "relationType": "MANY_TO_ONE", "joinColumnName": "patientId"}
    person = talk.made("people", {})[0]["id"]
    talk.made(
        "ledgers", {"sourceId": "1", "patientId": person}, {"sourceId": "2", "patient": {"connect": {"where": {"id": person}}}}
    )
    assert len(talk.get(f"/rest/people/{person}", depth=1)["data"]["person"]["ledgerEntries"]) == 2
    talk.call("DELETE", f"/rest/people/{person}")
    assert talk.get("/rest/ledgers", filter="patientId[is]:NULL", limit=0)["totalCount"] == 2
    assert talk.call("DELETE", f"/rest/metadata/objects/{owner}")[0] == 200
    assert shapes(talk) == before


def test_a_renamed_field_keeps_its_values_and_a_deleted_one_loses_them() -> None:
    """Rename moves the column with its data; delete and re-create starts empty."""
    talk = Talk()
    owner = talk.custom("ledger", {"name": "qty", "type": "NUMBER"})
    row = talk.made("ledgers", {"qty": 7})[0]["id"]
    field = next(item for item in talk.get(f"/rest/metadata/objects/{owner}")["fields"] if item["name"] == "qty")["id"]
    talk.call("PATCH", f"/rest/metadata/fields/{field}", {"name": "quantity", "type": "TEXT"})
    kept = talk.get(f"/rest/ledgers/{row}")["data"]["ledger"]
    assert kept["quantity"] == 7
    assert "qty" not in kept
    talk.call("DELETE", f"/rest/metadata/fields/{field}")
    talk.call("POST", "/rest/metadata/fields", {"objectMetadataId": owner, "type": "NUMBER", "name": "quantity", "label": "q"})
    assert talk.get(f"/rest/ledgers/{row}")["data"]["ledger"]["quantity"] is None


def test_options_sent_without_their_ids_wipe_stored_values() -> None:
    """The whole list is replaced: A with its id stays in the rows, A without it is wiped."""
    talk = Talk()
    options = [{"label": "A", "value": "A"}, {"label": "B", "value": "B"}]
    owner = talk.custom("ledger", {"name": "tags", "type": "MULTI_SELECT", "options": options})
    row = talk.made("ledgers", {"tags": ["A", "B"]})[0]["id"]
    field = next(item for item in talk.get(f"/rest/metadata/objects/{owner}")["fields"] if item["name"] == "tags")
    for sent, left in ((field["options"], ["A", "B"]), (field["options"][:1], ["A"]), ([{"label": "A", "value": "A"}], [])):
        assert talk.call("PATCH", f"/rest/metadata/fields/{field['id']}", {"options": sent})[0] == 200
        assert talk.get(f"/rest/ledgers/{row}")["data"]["ledger"]["tags"] == left


REFUSED: list[tuple[dict[str, Any], str]] = [
    ({"type": "TEXT", "name": "event"}, "RESERVED_KEYWORD"),
    ({"type": "TEXT", "name": "amountCurrencyCode"}, "RESERVED_KEYWORD"),
    ({"type": "TEXT", "name": "a" * 64}, "INVALID_FIELD_INPUT"),
    ({"type": "SELECT", "name": "state", "options": [{"label": "a,b", "value": "A"}]}, "INVALID_FIELD_INPUT"),
    ({"type": "TEXT", "name": "createdAt"}, "NOT_AVAILABLE"),
]


@pytest.mark.parametrize(("field", "code"), REFUSED)
def test_a_field_that_cannot_be_is_refused_with_its_code(field: dict[str, Any], code: str) -> None:
    """The true cause stands under errors.fieldMetadata, whatever fallout is listed beside it."""
    talk = Talk()
    owner = talk.custom("ledger", {"name": "amount", "type": "CURRENCY"})
    status, body = talk.call("POST", "/rest/metadata/fields", {"objectMetadataId": owner, "label": "L", **field})
    assert (status, body["error"]) == (400, "METADATA_VALIDATION_ERROR")
    assert body["errors"]["fieldMetadata"][0]["errors"][0]["code"] == code


def test_older_workspaces_wrap_their_metadata_answers() -> None:
    """--format legacy answers {data: {objects: [...]}} and {data: {createOneObject: ...}}."""
    talk = Talk(legacy=True)
    assert isinstance(talk.get("/rest/metadata/objects")["data"]["objects"], list)
    shape = {"nameSingular": "ledger", "namePlural": "ledgers", "labelSingular": "L", "labelPlural": "Ls"}
    made = talk.call("POST", "/rest/metadata/objects", shape)[1]["data"]["createOneObject"]
    assert talk.get(f"/rest/metadata/objects/{made['id']}")["data"]["object"]["nameSingular"] == "ledger"


def test_graphql_tells_both_ends_of_a_relation() -> None:
    """REST names only the join column; /metadata's relation names the target object and field."""
    talk = Talk()
    ends = "relation{type targetObjectMetadata{nameSingular} targetFieldMetadata{name}}"
    query = "query{objects(paging:{first:100}){edges{node{nameSingular fieldsList{name " + ends + "}}}}}"
    edges = talk.graphql(query, "/metadata")["data"]["objects"]["edges"]
    person = next(edge["node"] for edge in edges if edge["node"]["nameSingular"] == "person")
    company = next(field["relation"] for field in person["fieldsList"] if field["name"] == "company")
    assert company == {
        "type": "MANY_TO_ONE",
        "targetObjectMetadata": {"nameSingular": "company"},
        "targetFieldMetadata": {"name": "people"},
    }


def test_the_openapi_document_follows_the_schema() -> None:
    """A new object has its paths and its columns in /rest/open-api/core at once."""
    talk = Talk()
    talk.custom("ledger", {"name": "qty", "type": "NUMBER"})
    document = talk.get("/rest/open-api/core")
    assert "/batch/ledgers" in document["paths"]
    assert document["components"]["schemas"]["Ledger"]["properties"]["qty"] == {"type": "number"}
