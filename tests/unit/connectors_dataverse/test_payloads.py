"""Names and bodies of what is created (facts/dataverse.md §6)."""

from typing import Any

import pytest

from crosswalk.connectors.dataverse import payloads
from crosswalk.connectors.dataverse.created import created_object
from crosswalk.connectors.dataverse.description import ENGLISH
from crosswalk.connectors.dataverse.naming import prefix_of, schema_name
from crosswalk.model.destination_schema import FieldType
from crosswalk.model.errors import RejectedError
from crosswalk.model.schema_plan import FieldCreation, ObjectCreation

PRACTITIONER = ObjectCreation(
    name="pulse_practitioner", singular="pulse_practitioner", label="Practitioner", label_plural="Practitioners"
)


@pytest.mark.parametrize(
    ("logical", "label", "name"),
    [
        ("pulse_practitioner", "Practitioner", "pulse_Practitioner"),
        ("pulse_insurancecarrier", "Insurance carrier", "pulse_InsuranceCarrier"),
        ("pulse_originalcreatedon", "Original created on", "pulse_OriginalCreatedOn"),
        ("new_policynumber__c", "Policy number", "new_PolicyNumber__c"),
        ("pulse_insurancecarrierid", "Insurance carrier", "pulse_InsuranceCarrierId"),
        ("pulse_cafe", "Café", "pulse_Cafe"),
        ("pulse_dob", "Date of birth", "pulse_dob"),
        ("pulse_bloodtypes", "Blood type", "pulse_bloodtypes"),
    ],
)
def test_schema_names_follow_the_label(logical: str, label: str, name: str) -> None:
    """Capitals where the label's words are the name's; a suffix and an Id stay (§6.1)."""
    assert schema_name(logical, label) == name
    assert name.lower() == logical


@pytest.mark.parametrize("name", ["bloodtype", "Pulse_x", "p_x", "toolongprefix_x", "1ab_x", "pulse_x-y"])
def test_names_without_a_publisher_s_prefix_are_explained(name: str) -> None:
    """Every custom name starts with a publisher's prefix (§6.1)."""
    with pytest.raises(RejectedError) as refused:
        prefix_of(name)
    assert refused.value.code == "reserved"


@pytest.mark.parametrize(
    ("asked", "kind", "settings"),
    [
        ({"type": "text"}, "Memo", {"MaxLength": 1_048_576}),
        ({"type": "text", "max_length": 100}, "String", {"MaxLength": 100, "FormatName": {"Value": "Text"}}),
        ({"type": "text", "max_length": 4001}, "Memo", {"MaxLength": 4001}),
        ({"type": "text", "unique": True}, "String", {"MaxLength": 100}),
        ({"type": "text", "unique": True, "max_length": 2000}, "String", {"MaxLength": 450}),
        ({"type": "email"}, "String", {"MaxLength": 100, "FormatName": {"Value": "Email"}}),
        ({"type": "phone", "max_length": 30}, "String", {"MaxLength": 30, "FormatName": {"Value": "Phone"}}),
        ({"type": "url"}, "String", {"MaxLength": 200, "FormatName": {"Value": "Url"}}),
        ({"type": "rich_text"}, "Memo", {"FormatName": {"Value": "RichText"}}),
        ({"type": "money"}, "Money", {"Precision": 4, "PrecisionSource": 0}),
        ({"type": "decimal"}, "Decimal", {"Precision": 10}),
        ({"type": "integer"}, "Integer", {"MinValue": -2_147_483_648}),
        ({"type": "date"}, "DateTime", {"Format": "DateOnly", "DateTimeBehavior": {"Value": "DateOnly"}}),
        ({"type": "datetime"}, "DateTime", {"Format": "DateAndTime", "DateTimeBehavior": {"Value": "UserLocal"}}),
    ],
)
def test_columns_of_each_type(asked: dict[str, Any], kind: str, settings: dict[str, Any]) -> None:
    """The kind of column and its settings for what a map asks for (§6.3)."""
    body = payloads.column_body("pulse_x", FieldCreation.model_validate({"label": "X", **asked}), 100_000_000, ENGLISH)
    assert body["@odata.type"] == f"Microsoft.Dynamics.CRM.{kind}AttributeMetadata"
    assert {name: body[name] for name in settings} == settings
    assert (body["SchemaName"], body["LogicalName"]) == ("pulse_X", "pulse_x")


@pytest.mark.parametrize("kind", ["list", "json", "file", "id", "other"])
def test_types_that_cannot_be_created(kind: FieldType) -> None:
    """What Dataverse has no column for is refused before it is sent, and not among the types offered."""
    assert kind not in payloads.FIELD_TYPES
    with pytest.raises(RejectedError, match=kind):
        payloads.column_body("pulse_x", FieldCreation(type=kind, label="X"), 1, ENGLISH)


def test_options_carry_their_symbol() -> None:
    """Also where the label yields it today: people change labels (§6.3)."""
    asked = FieldCreation(type="option", label="Blood type", options=(("A_POSITIVE", "A+"), ("UNKNOWN", "Unknown")))
    options = payloads.column_body("pulse_bloodtype", asked, 727_000_000, ENGLISH)["OptionSet"]["Options"]
    assert [item["Description"]["LocalizedLabels"][0]["Label"] for item in options] == ["A_POSITIVE", "UNKNOWN"]
    assert [item["Value"] for item in options] == [727_000_000, 727_000_001]


def test_added_options_are_numbered_after_the_publisher_s_own() -> None:
    """Numbers of other publishers are left alone; options that are there are not added again."""
    present = {"ALPHA": 727_000_000, "BETA": 727_000_004, "MALE": 1}
    added = payloads.missing_options([("BETA", "Beta"), ("GAMMA", "Gamma"), ("DELTA", "Delta")], present, 727_000_000, ENGLISH)
    assert [item["Value"] for item in added] == [727_000_005, 727_000_006]


def test_a_lookup_deletes_nothing() -> None:
    """Deleting the target takes the link away; nothing cascades but a merge, where the target's records can be merged (§6.4)."""
    asked = FieldCreation(type="reference", label="Patient", to="contact", reverse_label="Payments")
    body = payloads.relationship_body("pulse_payment", "pulse_patientid", asked, "contact", "contactid", ENGLISH)
    assert body["CascadeConfiguration"].pop("Delete") == "RemoveLink"
    assert body["CascadeConfiguration"].pop("Merge") == "Cascade"
    assert set(body["CascadeConfiguration"].values()) == {"NoCascade"}
    assert body["Lookup"]["SchemaName"] == "pulse_PatientId"
    other = payloads.relationship_body("pulse_payment", "pulse_doctorid", asked, "pulse_doctor", "pulse_doctorid", ENGLISH)
    assert other["CascadeConfiguration"]["Merge"] == "NoCascade"


def test_a_table_brings_its_name_along_and_adds_nothing_to_others() -> None:
    """One String as primary name; notes and activities stay off; created_object says what there will be."""
    body = payloads.table_body(PRACTITIONER, ENGLISH)
    (primary,) = body["Attributes"]
    assert primary["IsPrimaryName"] and primary["SchemaName"] == "pulse_Name"
    assert not body["HasNotes"] and not body["HasActivities"]
    field = created_object(PRACTITIONER, may_set_created_on=False).field("pulse_name")
    assert field and field.max_length == primary["MaxLength"]
