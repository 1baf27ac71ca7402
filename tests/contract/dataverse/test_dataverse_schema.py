"""What the Dynamics 365 connector does to an organisation's definitions, and how it takes it back, against the sandbox."""

from typing import Any
from uuid import uuid4

import pytest
from dynamics_sandbox import MARKER, Sandbox, connected, created, updated

from crosswalk.connectors.dataverse.connector import DynamicsDestination
from crosswalk.model.destination_schema import DestinationSchema
from crosswalk.model.errors import RejectedError
from crosswalk.model.record import Row, Write
from crosswalk.model.schema_plan import FieldCreation, ObjectCreation, SchemaChange


def table(name: str, label: str) -> SchemaChange:
    asked = ObjectCreation(name=name, singular=name, label=label, label_plural=f"{label}s")
    return SchemaChange(operation="create_object", object=name, name=name, created_object=asked)


def column(on: str, name: str, kind: str, label: str, **more: Any) -> SchemaChange:
    asked = FieldCreation.model_validate({"type": kind, "label": label, **more})
    return SchemaChange(operation="create_field", object=on, name=name, field=asked)


def options(on: str, name: str, *pairs: tuple[str, str]) -> SchemaChange:
    return SchemaChange(operation="add_options", object=on, name=name, field=FieldCreation(type="option", label="", options=pairs))


CHANGES = (
    table("pulse_practitioner", "Practitioner"),
    table("pulse_prescription", "Prescription"),
    column("contact", "pulse_sourcesystemid", "text", "Source system ID", unique=True, max_length=100),
    column("contact", "pulse_bloodtype", "option", "Blood type", options=(("A_POSITIVE", "A+"), ("UNKNOWN", "Unknown"))),
    options("contact", "gendercode", ("OTHER", "Other")),
    column("pulse_prescription", "pulse_amount", "money", "Amount"),
    column("pulse_prescription", "pulse_patientid", "reference", "Patient", to="contact", reverse_label="Prescriptions"),
    column("pulse_prescription", "pulse_practitionerid", "reference", "Practitioner", to="pulse_practitioner"),
)


async def apply_all(destination: DynamicsDestination) -> DestinationSchema:
    schema = await destination.describe()
    for change in CHANGES:
        schema = await destination.apply(change, schema)
    return schema


async def everything(server: Sandbox) -> dict[str, Any]:
    """Definitions and customisation rows, as the Web API shows them."""
    select = "$select=LogicalName,EntitySetName,IsCustomEntity"
    held = {"tables": await server.call("GET", f"EntityDefinitions?{select}")}
    held["contact"] = await server.call("GET", "EntityDefinitions(LogicalName='contact')/Attributes?$select=LogicalName")
    for name in ("publishers", "solutions", "solutioncomponents"):
        held[name] = [
            {key: value for key, value in row.items() if key in {"uniquename", "customizationprefix", "objectid"}}
            for row in (await server.call("GET", name))["value"]
        ]
    return held


async def test_an_undo_leaves_nothing_behind(server: Sandbox, destination: DynamicsDestination) -> None:
    """Tables, columns, options, lookups, key, solution and publisher go again; the definitions are as before."""
    before, schema_before = await everything(server), await destination.describe()
    schema = await apply_all(destination)
    during = await everything(server)
    assert {row["uniquename"] for row in during["solutions"]} > {row["uniquename"] for row in before["solutions"]}
    for change in sorted(CHANGES, key=lambda change: change.field is None or change.field.type != "reference"):
        schema = await destination.undo(change, schema)
    assert schema.digest() == schema_before.digest()
    assert await everything(server) == before


async def test_everything_created_can_be_written(destination: DynamicsDestination) -> None:
    """Symbols, lookups bound with the case of their schema name, and a unique value (§3.4, §6)."""
    schema = await apply_all(destination)
    blood = schema.object("contact").field("pulse_bloodtype")  # type: ignore[union-attr]
    assert blood and blood.options == ("A_POSITIVE", "UNKNOWN")
    patient = await created(
        destination, "contact", lastname="Rao", pulse_sourcesystemid="P-1", pulse_bloodtype="A_POSITIVE", gendercode="OTHER"
    )
    assert (patient.values["pulse_bloodtype"], patient.values["gendercode"]) == ("A_POSITIVE", "OTHER")
    doctor = await created(destination, "pulse_practitioner", pulse_name="Dr Mehta")
    written = await created(
        destination, "pulse_prescription", pulse_amount="12.5", pulse_patientid=patient.id, pulse_practitionerid=doctor.id
    )
    assert written.values["pulse_patientid"] == patient.id
    assert written.values["pulse_practitionerid"] == doctor.id
    assert await destination.referring("pulse_prescription", "pulse_patientid") == [(written.id, patient.id)]
    emptied = await updated(destination, "pulse_prescription", written.id, pulse_practitionerid=None)
    assert emptied.values["pulse_practitionerid"] is None


async def test_an_option_with_a_new_label_is_still_itself(server: Sandbox, destination: DynamicsDestination) -> None:
    """Else everything that holds it would look edited, and an undo would keep it."""
    await apply_all(destination)
    values = {"pulse_bloodtype": "UNKNOWN", "gendercode": "OTHER"}
    row = await created(destination, "contact", lastname="Rao", **values)
    for name, number in (("pulse_bloodtype", 1), ("gendercode", 2)):
        path = f"EntityDefinitions(LogicalName='contact')/Attributes(LogicalName='{name}')"
        held = await server.call("GET", f"{path}/Microsoft.Dynamics.CRM.PicklistAttributeMetadata?$expand=OptionSet")
        texts = {"LocalizedLabels": [{"Label": "Not said", "LanguageCode": 1033}]}
        place = {
            "EntityLogicalName": "contact",
            "AttributeLogicalName": name,
            "Value": held["OptionSet"]["Options"][number]["Value"],
        }
        await server.call("POST", "UpdateOptionValue", {**place, "Label": texts, "MergeLabels": False})
    await server.call("POST", "PublishAllXml", {})
    async with server.destination() as later:
        (found,) = await later.fetch("contact", [row.id])
    assert {path: found.values[path] for path in values} == values


async def test_a_new_table_brings_along_what_was_foretold(destination: DynamicsDestination) -> None:
    """Plans count on `created_object`: each of its fields is there after the creation, as it said."""
    before = await destination.describe()
    change = table("pulse_practitioner", "Practitioner")
    assert change.created_object
    foretold = destination.created_object(change.created_object)
    found = (await destination.apply(change, before)).object("pulse_practitioner")
    assert found and (found.singular, found.label, found.custom) == (foretold.singular, foretold.label, foretold.custom)
    there = [field for field in found.fields if foretold.field(field.path)]
    unnamed = [field.model_copy(update={"label": ""}) for field in there]
    assert unnamed == [field.model_copy(update={"label": ""}) for field in foretold.fields]


async def test_a_key_is_waited_for_and_holds(destination: DynamicsDestination) -> None:
    """The index is built in the background (§6.6): when the change is done, a second holder of a value is refused."""
    schema = await apply_all(destination)
    field = schema.object("contact").field("pulse_sourcesystemid")  # type: ignore[union-attr]
    assert field and field.unique and field.max_length == 100
    await created(destination, "contact", lastname="Rao", pulse_sourcesystemid="P-1")
    writes = [Write(str(uuid4()), {"lastname": "Rao", "pulse_sourcesystemid": f"P-{number}"}) for number in (1, 2)]
    one, two = await destination.create("contact", writes, MARKER)
    assert isinstance(one, RejectedError) and one.code == "duplicate"
    assert isinstance(two, Row)


async def test_a_key_over_duplicates_is_built_anew_once_they_are_gone(destination: DynamicsDestination) -> None:
    """An index over equal values fails (§6.6); the refusal says so, and the next call reactivates it."""
    plain = column("contact", "pulse_sourcesystemid", "text", "Source system ID", max_length=100)
    schema = await destination.apply(plain, await destination.describe())
    rows = [await created(destination, "contact", lastname="Rao", pulse_sourcesystemid="P-1") for _ in range(2)]
    unique = column("contact", "pulse_sourcesystemid", "text", "Source system ID", unique=True)
    with pytest.raises(RejectedError) as refused:
        await destination.apply(unique, schema)
    assert refused.value.code == "duplicate" and "P-1" not in str(refused.value)
    (finding,) = [item for item in await destination.probe({"contact": 1}, "USD") if item.code == "key_not_active"]
    assert (finding.severity, finding.field) == ("warning", "pulse_sourcesystemid")
    (present,) = [item for item in await destination.probe({"contact": 1}, "USD") if item.code == "keys_present"]
    assert present.count == 2
    await destination.remove("contact", [rows[1].id])
    schema = await destination.apply(unique, await destination.describe())
    field = schema.object("contact").field("pulse_sourcesystemid")  # type: ignore[union-attr]
    assert field and field.unique


async def test_schema_names_are_the_labels(server: Sandbox, destination: DynamicsDestination) -> None:
    """Logical names as asked, schema names with capitals, everything in our solution under the prefix's publisher (§6.1)."""
    await apply_all(destination)
    found = await server.call("GET", "EntityDefinitions(LogicalName='pulse_prescription')?$select=SchemaName,EntitySetName")
    assert (found["SchemaName"], found["EntitySetName"]) == ("pulse_Prescription", "pulse_prescriptions")
    found = await server.call(
        "GET", "EntityDefinitions(LogicalName='contact')/Attributes(LogicalName='pulse_bloodtype')?$select=SchemaName"
    )
    assert found["SchemaName"] == "pulse_BloodType"
    publishers = (await server.call("GET", "publishers?$select=uniquename,customizationprefix"))["value"]
    assert {"uniquename": "crosswalkpulse", "customizationprefix": "pulse"} in [
        {name: row[name] for name in ("uniquename", "customizationprefix")} for row in publishers
    ]


async def test_a_publisher_that_owns_the_prefix_is_used_and_kept(server: Sandbox, destination: DynamicsDestination) -> None:
    """The organisation's own `new_` publisher gets our solution, and stays when it goes."""
    change = column("contact", "new_bloodtype__c", "text", "Blood type", max_length=20)
    before = await everything(server)
    schema = await destination.apply(change, await destination.describe())
    assert schema.object("contact").field("new_bloodtype__c")  # type: ignore[union-attr]
    during = await everything(server)
    assert during["publishers"] == before["publishers"] and len(during["solutions"]) == len(before["solutions"]) + 1
    await destination.undo(change, schema)
    assert await everything(server) == before


async def test_a_column_of_another_kind_is_in_the_way(destination: DynamicsDestination) -> None:
    """A column that exists but differs is never taken for the one asked for."""
    schema = await destination.apply(column("contact", "pulse_x", "text", "X"), await destination.describe())
    with pytest.raises(RejectedError) as refused:
        await destination.apply(column("contact", "pulse_x", "integer", "X"), schema)
    assert refused.value.code == "conflict"


@pytest.mark.parametrize("operation", ["create_object", "create_field", "add_options"])
async def test_a_change_that_says_nothing_is_refused(destination: DynamicsDestination, operation: str) -> None:
    """At once, for each kind of change, instead of reading back in vain."""
    change = SchemaChange.model_validate({"operation": operation, "object": "contact", "name": "gendercode"})
    if operation == "create_object":
        change = change.model_copy(update={"object": "pulse_x", "name": "pulse_x"})
    with pytest.raises(RejectedError) as refused:
        await destination.apply(change, await destination.describe())
    assert (refused.value.code, refused.value.remedy) == ("validation", "Plan again.")


@pytest.mark.parametrize("name", ["bloodtype", "Blood_Type"])
async def test_names_without_a_prefix_are_explained(destination: DynamicsDestination, name: str) -> None:
    """Every custom name starts with its publisher's prefix (§6.1)."""
    with pytest.raises(RejectedError) as refused:
        await destination.apply(column("contact", name, "text", "X"), await destination.describe())
    assert refused.value.code == "reserved" and "prefix" in refused.value.remedy


async def test_a_lost_answer_is_settled_by_reading(server: Sandbox, destination: DynamicsDestination) -> None:
    """A column whose answer got lost counts as created when it is there."""
    schema = await destination.apply(column("contact", "pulse_x", "text", "X"), await destination.describe())
    path = "/api/data/v9.2/EntityDefinitions"
    await server.control("faults", {"kind": "drop_after_commit", "match": {"method": "POST", "path_prefix": path}})
    schema = await destination.apply(column("contact", "pulse_y", "text", "Y"), schema)
    assert schema.object("contact").field("pulse_y")  # type: ignore[union-attr]


async def test_an_option_that_waits_for_publishing_is_not_added_twice(server: Sandbox, destination: DynamicsDestination) -> None:
    """Options count once published (§6.7): a run that ended between adding and publishing left one that nobody sees."""
    texts = [{"@odata.type": "Microsoft.Dynamics.CRM.LocalizedLabel", "Label": "Other", "LanguageCode": 1033}]
    label = {"@odata.type": "Microsoft.Dynamics.CRM.Label", "LocalizedLabels": texts}
    place = {"EntityLogicalName": "contact", "AttributeLogicalName": "gendercode"}
    await server.call("POST", "InsertOptionValue", {**place, "Label": label})
    before = (await destination.describe()).object("contact").field("gendercode")  # type: ignore[union-attr]
    assert before is not None and before.options == ("MALE", "FEMALE")
    schema = await destination.apply(options("contact", "gendercode", ("OTHER", "Other")), await destination.describe())
    after = schema.object("contact").field("gendercode")  # type: ignore[union-attr]
    assert after is not None and after.options == ("MALE", "FEMALE", "OTHER")


async def test_changes_are_published_when_the_connection_closes(server: Sandbox) -> None:
    """Apps see a changed table once it is published (§6.7): one request for all of them."""
    async with connected(server) as opened:
        await opened.apply(column("contact", "pulse_x", "text", "X"), await opened.describe())
    async with server.destination() as opened:
        traffic_before = opened.traffic().requests
        assert traffic_before == 0
    ledger = await server.ledger()
    assert [entry for entry in ledger if entry["path"].endswith("/PublishXml")]
