"""Tables, columns, choices, keys and relationships, made, read and taken away (facts/dataverse.md §6)."""

import json
from typing import Any
from urllib.parse import quote
from xml.etree import ElementTree

import pytest
from dataverse_talk import Json, Talk, label

from crosswalk_sandbox.services.dataverse.controlled import Controlled

CRM = "Microsoft.Dynamics.CRM."
TABLE = "EntityDefinitions(LogicalName='new_thing')"


def column(kind: str, schema_name: str, **more: Any) -> Json:
    return {"@odata.type": f"{CRM}{kind}AttributeMetadata", "SchemaName": schema_name, "DisplayName": label(schema_name), **more}


def lookup(name: str, target: str, **cascade: str) -> Json:
    return {
        "@odata.type": f"{CRM}OneToManyRelationshipMetadata",
        "SchemaName": f"new_{target}_{name}",
        "ReferencedEntity": target,
        "ReferencingEntity": "new_thing",
        "Lookup": {"@odata.type": f"{CRM}LookupAttributeMetadata", "SchemaName": name, "DisplayName": label(name)},
        "CascadeConfiguration": cascade,
    }


@pytest.fixture
def talk() -> Talk:
    talk = Talk()
    talk.table("new_Thing")
    return talk


@pytest.mark.parametrize(
    ("body", "shown"),
    [
        (column("String", "new_A", MaxLength=12, FormatName={"Value": "Text"}), {"MaxLength": 12, "AttributeType": "String"}),
        (column("String", "new_A", FormatName={"Value": "Email"}), {"MaxLength": 100, "FormatName": {"Value": "Email"}}),
        (column("Memo", "new_A", MaxLength=1_048_576), {"MaxLength": 1_048_576, "AttributeType": "Memo"}),
        (column("Integer", "new_A", MinValue=0, MaxValue=9), {"MinValue": 0, "MaxValue": 9}),
        (column("Decimal", "new_A", Precision=10), {"Precision": 10}),
        (column("Money", "new_A", Precision=4, PrecisionSource=0), {"Precision": 4, "PrecisionSource": 0}),
        (column("Boolean", "new_A"), {"AttributeType": "Boolean", "DefaultValue": False}),
        (
            column("DateTime", "new_A", Format="DateOnly", DateTimeBehavior={"Value": "DateOnly"}),
            {"Format": "DateOnly", "DateTimeBehavior": {"Value": "DateOnly"}},
        ),
        (
            column("MultiSelectPicklist", "new_A", OptionSet={"Options": [{"Value": 1, "Label": label("x")}]}),
            {"AttributeType": "Virtual", "AttributeTypeName": {"Value": "MultiSelectPicklistType"}},
        ),
        (column("File", "new_A", MaxSizeInKB=100), {"MaxSizeInKB": 100, "IsValidForCreate": False}),
    ],
)
def test_columns_of_every_kind(talk: Talk, body: Json, shown: Json) -> None:
    """A column reads back as it was made, and leaves nothing when it goes."""
    before = talk.done("GET", f"{TABLE}/Attributes")["value"]
    talk.done("POST", f"{TABLE}/Attributes", body)
    found = talk.done("GET", f"{TABLE}/Attributes(LogicalName='new_a')")
    assert {name: found[name] for name in shown} == shown
    assert (found["SchemaName"], found["DisplayName"]["UserLocalizedLabel"]["Label"]) == ("new_A", "new_A")
    talk.done("DELETE", f"{TABLE}/Attributes(LogicalName='new_a')")
    if "Money" not in body["@odata.type"]:  # the currency and its rate stay with the table
        assert talk.done("GET", f"{TABLE}/Attributes")["value"] == before


@pytest.mark.parametrize(
    ("path", "body", "code"),
    [
        (f"{TABLE}/Attributes", column("String", "Plain"), "0x80044366"),
        (f"{TABLE}/Attributes", column("String", "zzz_A"), "0x80044366"),
        (f"{TABLE}/Attributes", column("String", "new_NAME"), "0x80047013"),
        (f"{TABLE}/Attributes", column("String", "new_" + "a" * 130), "0x80044367"),
        (f"{TABLE}/Attributes", column("String", "new_A", MaxLength=4001), "0x80040203"),
        (f"{TABLE}/Attributes", column("Lookup", "new_A"), "0x80048403"),
        (
            f"{TABLE}/Attributes",
            column(
                "Picklist", "new_A", OptionSet={"Options": [{"Value": 1, "Label": label("a")}, {"Value": 1, "Label": label("b")}]}
            ),
            "0x80044310",
        ),
        (f"{TABLE}/Keys", {"SchemaName": "new_Key", "KeyAttributes": ["nosuch"]}, "0x8006088f"),
        ("PublishXml", {"ParameterXml": "nonsense"}, "0x80040203"),
    ],
)
def test_definitions_that_are_refused(talk: Talk, path: str, body: Json, code: str) -> None:
    """Names need a publisher's prefix, may not be taken or too long; sizes have their limits (facts §6.1, §6.9)."""
    assert talk.refusal("POST", path, body) == (400, code)


def test_choices_and_their_labels(talk: Talk) -> None:
    """Options are numbered from the publisher's prefix; label and description come back; they can be added and removed."""
    options = [{"Label": label("A+"), "Description": label("A_POSITIVE")}, {"Label": label("B")}]
    talk.done("POST", f"{TABLE}/Attributes", column("Picklist", "new_Kind", OptionSet={"Options": options}))
    place = {"EntityLogicalName": "new_thing", "AttributeLogicalName": "new_kind"}
    assert talk.done("POST", "InsertOptionValue", {**place, "Label": label("C")})["NewOptionValue"] == 100_000_002
    talk.done("POST", "UpdateOptionValue", {**place, "Value": 100_000_001, "Label": label("B+"), "MergeLabels": True})
    talk.done("POST", "DeleteOptionValue", {**place, "Value": 100_000_002})
    talk.done("POST", "PublishAllXml")
    path = f"{TABLE}/Attributes/{CRM}PicklistAttributeMetadata"
    found = talk.done("GET", path, query="$select=LogicalName&$expand=OptionSet($select=Options),GlobalOptionSet")["value"][0]
    shown = [(item["Value"], item["Label"]["UserLocalizedLabel"]["Label"]) for item in found["OptionSet"]["Options"]]
    assert (found["LogicalName"], shown) == ("new_kind", [(100_000_000, "A+"), (100_000_001, "B+")])
    assert found["OptionSet"]["Options"][0]["Description"]["UserLocalizedLabel"]["Label"] == "A_POSITIVE"
    assert found["GlobalOptionSet"] is None


def test_options_count_once_published(talk: Talk) -> None:
    """Until then definitions do not show a new one, records may not have it, and a deleted one is there."""
    options = [{"Value": 100_000_000, "Label": label("A")}]
    talk.done("POST", f"{TABLE}/Attributes", column("Picklist", "new_Kind", OptionSet={"Options": options}))
    place = {"EntityLogicalName": "new_thing", "AttributeLogicalName": "new_kind"}
    talk.done("POST", "InsertOptionValue", {**place, "Value": 100_000_001, "Label": label("B")})
    talk.done("POST", "DeleteOptionValue", {**place, "Value": 100_000_000})
    again = {**place, "Value": 100_000_001, "Label": label("C")}
    assert talk.refusal("POST", "InsertOptionValue", again) == (400, "0x80044310")

    def shown() -> list[int]:
        path = f"{TABLE}/Attributes/{CRM}PicklistAttributeMetadata"
        found = talk.done("GET", path, query="$select=LogicalName&$expand=OptionSet")["value"][0]
        return [item["Value"] for item in found["OptionSet"]["Options"]]

    assert shown() == [100_000_000]
    talk.done(
        "POST", "PublishXml", {"ParameterXml": "<importexportxml><entities><entity>new_thing</entity></entities></importexportxml>"}
    )
    assert shown() == [100_000_001]


def test_global_choices_are_shared(talk: Talk) -> None:
    """A global choice is bound by columns and cannot go before them (facts §6.5)."""
    body = {"Name": "new_Blood", "OptionSetType": "Picklist", "Options": [{"Value": 7, "Label": label("A")}]}
    talk.done("POST", "GlobalOptionSetDefinitions", body)
    bind = {"GlobalOptionSet@odata.bind": "/GlobalOptionSetDefinitions(Name='new_Blood')"}
    talk.done("POST", f"{TABLE}/Attributes", column("Picklist", "new_Kind", **bind))
    assert talk.made("new_things", new_kind=7)
    path = f"{TABLE}/Attributes(LogicalName='new_kind')/{CRM}PicklistAttributeMetadata"
    found = talk.done("GET", path, query="$select=LogicalName&$expand=OptionSet,GlobalOptionSet")
    assert (found["OptionSet"], found["GlobalOptionSet"]["Name"]) == (None, "new_Blood")
    assert talk.refusal("DELETE", "GlobalOptionSetDefinitions(Name='new_Blood')") == (400, "0x8004f01f")
    talk.done("DELETE", f"{TABLE}/Attributes(LogicalName='new_kind')")
    talk.done("DELETE", "GlobalOptionSetDefinitions(Name='new_Blood')")


def test_keys_are_built_in_the_background(talk: Talk) -> None:
    """Pending, InProgress, Active by the clock; Failed when rows share a value, then reactivated (facts §6.6)."""
    talk.done("POST", f"{TABLE}/Attributes", column("String", "new_Code", MaxLength=100))
    first, second = talk.made("new_things", new_code="x"), talk.made("new_things", new_code="X")
    talk.server.metadata.keys.build_s = 30
    talk.done("POST", f"{TABLE}/Keys", {"SchemaName": "new_Key", "KeyAttributes": ["new_code"]})

    def status(seconds: float) -> str:
        talk.server.organization.clock.offset += seconds
        return talk.done("GET", f"{TABLE}/Keys", query="$select=EntityKeyIndexStatus")["value"][0]["EntityKeyIndexStatus"]

    assert [status(0), status(12), status(20)] == ["Pending", "InProgress", "Failed"]
    talk.done("PATCH", f"new_things({second})", {"new_code": "y"})
    talk.done("POST", "ReactivateEntityKey", {"EntityLogicalName": "new_thing", "EntityKeyLogicalName": "new_key"})
    assert [status(0), status(31)] == ["Pending", "Active"]
    assert talk.done("GET", "new_things(new_code='x')")["new_thingid"] == first
    assert talk.refusal("DELETE", f"{TABLE}/Attributes(LogicalName='new_code')") == (400, "0x8004f01f")
    talk.done("DELETE", f"{TABLE}/Keys(LogicalName='new_key')")
    assert talk.refusal("GET", "new_things(new_code='x')") == (400, "0x80060890")


@pytest.mark.parametrize(("rule", "status"), [("RemoveLink", 204), ("Restrict", 405), ("Cascade", 204)])
def test_lookups_come_with_relationships(talk: Talk, rule: str, status: int) -> None:
    """The lookup binds by its schema name; its delete rule holds; it goes with its relationship (facts §3.4, §6.4)."""
    talk.done("POST", "RelationshipDefinitions", lookup("new_PatientId", "contact", Delete=rule))
    contact = talk.made("contacts", lastname="c")
    thing = talk.made("new_things", **{"new_PatientId@odata.bind": f"/contacts({contact})"})
    assert talk.refusal("POST", "new_things", {"new_patientid@odata.bind": f"/contacts({contact})"}) == (400, "0x80048d19")
    assert talk.send("DELETE", f"contacts({contact})").status == status
    left = {row["new_thingid"]: row.get("_new_patientid_value") for row in talk.done("GET", "new_things")["value"]}
    assert left == {"RemoveLink": {thing: None}, "Restrict": {thing: contact}, "Cascade": {}}[rule]
    found = talk.done("GET", "RelationshipDefinitions", query="$filter=SchemaName eq 'new_contact_new_PatientId'")["value"][0]
    assert found["ReferencingEntityNavigationPropertyName"] == "new_PatientId"
    assert talk.refusal("DELETE", f"{TABLE}/Attributes(LogicalName='new_patientid')")[0] == 400
    talk.done("DELETE", f"RelationshipDefinitions({found['MetadataId']})")
    assert talk.refusal("GET", f"{TABLE}/Attributes(LogicalName='new_patientid')")[0] == 404


def test_pairs_of_many_to_many(talk: Talk) -> None:
    """Two rows are joined and parted by $ref; a deleted row leaves its pairs."""
    kind = {"@odata.type": f"{CRM}ManyToManyRelationshipMetadata", "SchemaName": "new_thing_contact"}
    talk.done("POST", "RelationshipDefinitions", {**kind, "Entity1LogicalName": "new_thing", "Entity2LogicalName": "contact"})
    thing = talk.made("new_things", new_name="t")
    contacts = [talk.made("contacts", lastname=name) for name in ("a", "b", "c")]
    path = f"new_things({thing})/new_thing_contact"
    for contact in contacts:
        talk.done("POST", f"{path}/$ref", {"@odata.id": f"contacts({contact})"})
    talk.done("DELETE", f"{path}({contacts[0]})/$ref")
    talk.done("DELETE", f"contacts({contacts[1]})")
    assert [row["contactid"] for row in talk.done("GET", path)["value"]] == [contacts[2]]


def test_a_table_goes_with_all_that_is_its_own() -> None:
    """After the deletion, definitions, notes' targets and solution components are as before; rows are gone (facts §6.2)."""
    talk = Talk()

    def state() -> Any:
        answers = [talk.done("GET", path) for path in ("EntityDefinitions", "RelationshipDefinitions", "sdkmessagefilters")]
        targets = talk.done("GET", "EntityDefinitions(LogicalName='annotation')/Attributes(LogicalName='objectid')")["Targets"]
        return [answer["value"] for answer in answers], targets, talk.names("solutioncomponents", "objectid")

    before = state()
    body = {
        "@odata.type": f"{CRM}EntityMetadata",
        "SchemaName": "new_Diagnosis",
        "DisplayName": label("Diagnosis"),
        "DisplayCollectionName": label("Diagnoses"),
        "HasNotes": True,
        "HasActivities": True,
        "OwnershipType": "UserOwned",
        "Attributes": [column("String", "new_Name", IsPrimaryName=True, MaxLength=100)],
    }
    talk.done("POST", "EntityDefinitions", body, mscrm_solutionuniquename="Default")
    assert talk.refusal("POST", "EntityDefinitions", body)[0] == 400
    found = talk.done("GET", "EntityDefinitions(LogicalName='new_diagnosis')")
    assert (found["EntitySetName"], found["PrimaryNameAttribute"]) == ("new_diagnosises", "new_name")
    row = talk.made("new_diagnosises", new_name="d")
    bind = {"objectid_new_diagnosis@odata.bind": f"/new_diagnosises({row})"}
    note = talk.made("annotations", subject="n", **bind)
    visit = {"regardingobjectid_new_diagnosis_task@odata.bind": f"/new_diagnosises({row})"}
    talk.made("tasks", subject="v", **visit)
    talk.done("DELETE", "EntityDefinitions(LogicalName='new_diagnosis')")
    assert talk.refusal("GET", f"annotations({note})")[0] == 404
    assert state() == before


def test_a_table_that_others_point_at_stays(talk: Talk) -> None:
    """A table with custom lookups at it, and a system table, cannot be deleted."""
    talk.table("new_Other")
    talk.done("POST", "RelationshipDefinitions", lookup("new_OtherId", "new_other"))
    assert talk.refusal("DELETE", "EntityDefinitions(LogicalName='new_other')") == (400, "0x8004f01f")
    assert talk.refusal("DELETE", "EntityDefinitions(LogicalName='contact')")[0] == 400
    assert talk.refusal("DELETE", "EntityDefinitions(LogicalName='contact')/Attributes(LogicalName='lastname')")[0] == 400


def test_changes_of_definitions(talk: Talk) -> None:
    """PUT changes labels and lengths; RetrieveMetadataChanges shows what a query names (facts §6.10)."""
    path = f"{TABLE}/Attributes(LogicalName='new_name')"
    whole = talk.done("GET", f"{path}/{CRM}StringAttributeMetadata")
    talk.done("PUT", path, whole | {"MaxLength": 300, "DisplayName": label("Title")}, mscrm_mergelabels="true")
    talk.done("PUT", TABLE, talk.done("GET", TABLE) | {"HasNotes": True, "ChangeTrackingEnabled": True})

    def equals(name: str, value: str) -> Json:
        condition = {"PropertyName": name, "ConditionOperator": "Equals", "Value": {"Type": "System.String", "Value": value}}
        return {"Conditions": [condition]}

    asked = {
        "Properties": {"PropertyNames": ["LogicalName", "HasNotes", "Attributes"]},
        "Criteria": equals("LogicalName", "new_thing"),
        "AttributeQuery": {"Criteria": equals("LogicalName", "new_name"), "Properties": {"PropertyNames": ["MaxLength"]}},
    }
    answer = talk.done("GET", "RetrieveMetadataChanges(Query=@p1)", query=f"@p1={quote(json.dumps(asked))}")
    (table,) = answer["EntityMetadata"]
    assert (table["HasNotes"], [item["MaxLength"] for item in table["Attributes"]]) == (True, [300])


def test_metadata_queries(talk: Talk) -> None:
    """Filters with enum literals and paths; a type's own properties only after a cast (facts §6.10)."""
    kinds = f"OwnershipType eq {CRM}OwnershipTypes'UserOwned' and IsCustomEntity eq true"
    found = talk.done("GET", "EntityDefinitions", query=f"$select=LogicalName&$filter={kinds}")["value"]
    assert [item["LogicalName"] for item in found] == ["new_thing"]
    query = "$select=LogicalName&$filter=IsDuplicateDetectionEnabled/Value eq true"
    assert {"account", "contact"} <= {item["LogicalName"] for item in talk.done("GET", "EntityDefinitions", query=query)["value"]}
    assert talk.refusal("GET", f"{TABLE}/Attributes", query="$select=MaxLength") == (400, "0x80060888")
    cast = f"{TABLE}/Attributes/{CRM}StringAttributeMetadata"
    assert talk.done("GET", cast, query="$select=MaxLength")["value"][0]["MaxLength"] == 100


@pytest.mark.parametrize("code", ["0x80071151", "0x80071154", "0x8004ed47"])
def test_locks_refuse_as_often_as_told(talk: Talk, code: str) -> None:
    """Another operation running is a refusal of its own that passes (facts §6.8)."""
    talk.server.metadata.lock(1, code)
    body = column("String", "new_Late")
    assert talk.refusal("POST", f"{TABLE}/Attributes", body) == (400, code)
    talk.done("POST", f"{TABLE}/Attributes", body)


def test_locks_and_index_times_are_set_by_control(talk: Talk) -> None:
    """The control verb says what holds; an unknown lock code is refused."""
    metadata = Controlled(talk.server).verbs()["metadata"]
    assert metadata({"lock": 2, "key_build_s": 9}) == {"lock": 2, "code": "0x80071151", "key_build_s": 9.0}
    with pytest.raises(ValueError, match="no such lock code"):
        metadata({"lock": 1, "code": "0x1"})


def test_the_model_as_xml(talk: Talk) -> None:
    """$metadata names types and sets, the custom table's too."""
    root = ElementTree.fromstring(talk.send("GET", "$metadata").encoded())
    names = {item.get("Name"): item.get("Type") for item in root.iter("{http://docs.oasis-open.org/odata/ns/edm}Property")}
    sets = {item.get("Name") for item in root.iter("{http://docs.oasis-open.org/odata/ns/edm}EntitySet")}
    assert (names["birthdate"], names["_ownerid_value"]) == ("Edm.Date", "Edm.Guid")
    assert {"contacts", "new_things"} <= sets
