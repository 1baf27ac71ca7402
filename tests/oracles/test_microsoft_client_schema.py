"""Microsoft's Python client builds and takes down tables, columns, keys and relationships, and fills file columns."""

import hashlib
from collections.abc import Callable, Iterator
from enum import IntEnum
from pathlib import Path
from typing import Any
from uuid import uuid4

import pandas
import pytest
from PowerPlatform.Dataverse.client import DataverseClient
from PowerPlatform.Dataverse.core.errors import HttpError, MetadataError
from PowerPlatform.Dataverse.models.labels import Label, LocalizedLabel
from PowerPlatform.Dataverse.models.relationship import (
    CascadeConfiguration,
    LookupAttributeMetadata,
    ManyToManyRelationshipMetadata,
    OneToManyRelationshipMetadata,
)
from PowerPlatform.Dataverse.models.upsert import UpsertItem

Refusal = Callable[..., tuple[int, str]]
Eventually = Callable[[Callable[[], bool]], None]


class Status(IntEnum):
    """Options as the client takes them: a label and a number each."""

    Planned = 100000000
    Done = 100000001


COLUMNS: dict[str, Any] = {
    "new_Code": {"type": "string", "max_length": 50},
    "new_Notes": "memo",
    "new_Count": {"type": "int", "min_value": 0, "max_value": 10},
    "new_Price": "decimal",
    "new_Weight": "float",
    "new_Day": "datetime",
    "new_Urgent": "bool",
    "new_Status": Status,
}


@pytest.fixture
def table(client: DataverseClient) -> Iterator[str]:
    """A custom table of this test's own with a column of every type the client makes; its schema name."""
    name = f"new_Visit{uuid4().hex[:8]}"
    client.tables.create(name, COLUMNS, display_name="Visit")
    yield name
    client.tables.delete(name)


@pytest.fixture
def keyed(client: DataverseClient, table: str, eventually: Eventually) -> str:
    """The same table with an alternate key on its code, whose index is built."""
    client.tables.create_alternate_key(table, "new_CodeKey", ["new_code"])
    eventually(lambda: [key.status for key in client.tables.get_alternate_keys(table)] == ["Active"])
    return table


def test_a_table_is_described_used_and_deleted(client: DataverseClient, refusal: Refusal) -> None:
    """Names follow from the schema name; the table is in the list, holds rows, and is gone afterwards (facts §6.2)."""
    name = f"new_Visit{uuid4().hex[:8]}"
    made = client.tables.create(name, COLUMNS)
    logical = name.lower()
    assert (made.logical_name, made.primary_id_attribute, made.primary_name_attribute) == (logical, f"{logical}id", "new_name")
    assert made.columns_created == list(COLUMNS)
    found = client.tables.get(name)
    assert found is not None and found.entity_set_name == made.entity_set_name == f"{logical}s"
    listed = client.tables.list(filter="IsCustomEntity eq true", select=["LogicalName", "SchemaName"])
    assert {"LogicalName": logical, "SchemaName": name}.items() <= next(
        item for item in listed if item["LogicalName"] == logical
    ).items()
    with pytest.raises(MetadataError):
        client.tables.create(name, {})
    values = {"new_name": "One", "new_code": "a", "new_count": 3, "new_price": 12.5, "new_weight": 1.25, "new_urgent": True}
    key = client.records.create(
        name, {**values, "new_Status": "done", "new_Day": "2020-02-29T00:00:00Z", "new_Notes": "line\nline"}
    )
    row = client.records.retrieve(name, key)
    expected = values | {"new_status": 100000001, "new_day": "2020-02-29T00:00:00Z", "new_notes": "line\nline"}
    assert row is not None and {column: row[column] for column in expected} == expected
    assert refusal(client.records.create, name, {"new_count": 11}) == (400, "0x8004432f")
    assert refusal(client.records.create, name, {"new_price": 1e12}) == (400, "0x80044330")
    assert refusal(client.records.create, name, {"new_code": "x" * 51}) == (400, "0x80044331")
    client.tables.delete(name)
    assert client.tables.get(name) is None
    assert refusal(client.records.list, name)[0] == 404


def test_a_name_without_a_publishers_prefix_is_refused(client: DataverseClient, refusal: Refusal) -> None:
    """Custom names begin with a customization prefix (facts §6.1)."""
    assert refusal(client.tables.create, "zzz_Visit", {}) == (400, "0x80044366")


def test_columns_come_and_go_and_their_bounds_move(client: DataverseClient, table: str, refusal: Refusal) -> None:
    """Add, describe with types, widen, remove; a value that did not fit fits afterwards (facts §6.3)."""
    assert client.tables.add_columns(table, {"new_Room": {"type": "string", "max_length": 5}, "new_Kind": Status}) == [
        "new_Room",
        "new_Kind",
    ]
    assert refusal(client.tables.add_columns, table, {"new_Room": "string"}) == (400, "0x80047013")
    typed = {item["LogicalName"]: item for item in client.tables.list_columns(table, typed=True)}
    assert (typed["new_room"]["MaxLength"], typed["new_count"]["MaxValue"], typed["new_price"]["Precision"]) == (5, 10, 2)
    assert refusal(client.records.create, table, {"new_room": "Room 12"}) == (400, "0x80044331")
    client.tables.update_column(table, "new_Room", {"max_length": 20, "display_name": "Where"})
    room = client.tables.get_column(table, "new_room")
    assert room is not None and room["DisplayName"]["UserLocalizedLabel"]["Label"] == "Where"
    key = client.records.create(table, {"new_room": "Room 12", "new_kind": "Planned"})
    plain = client.tables.list_columns(table, filter="AttributeType eq 'String'", select=["LogicalName", "AttributeType"])
    assert {"new_room", "new_code", "new_name"} <= {item["LogicalName"] for item in plain}
    client.tables.remove_columns(table, ["new_Room", "new_Kind"])
    assert client.tables.get_column(table, "new_room") is None
    row = client.records.retrieve(table, key)
    assert row is not None and "new_room" not in row
    assert refusal(client.records.create, table, {"new_room": "x"}) == (400, "0x80048d19")


def test_options_are_known_by_number_and_by_label(client: DataverseClient, table: str, refusal: Refusal) -> None:
    """The client turns labels into numbers by the metadata's options; other numbers are refused with the accepted ones named."""
    key = client.records.create(table, {"new_status": "Planned"})
    row = client.records.retrieve(table, key, include_annotations="*")
    assert row is not None and row["new_status"] == 100000000
    assert row["new_status@OData.Community.Display.V1.FormattedValue"] == "Planned"
    with pytest.raises(HttpError, match="100000000,100000001"):
        client.records.create(table, {"new_status": 5})


def test_rows_are_upserted_by_their_alternate_key(client: DataverseClient, keyed: str, refusal: Refusal) -> None:
    """PATCH by key and UpsertMultiple create what is not there and change what is (facts §3.3)."""
    client.records.upsert(keyed, [UpsertItem({"new_code": "P-1"}, {"new_name": "One", "new_count": 1})])
    client.records.upsert(keyed, [UpsertItem({"new_code": "P-1"}, {"new_name": "First"})])
    items = [UpsertItem({"new_code": code}, {"new_name": code, "new_count": 2}) for code in ("P-1", "P-2", "O'Neil")]
    client.records.upsert(keyed, items)
    rows = client.records.list(keyed, orderby=["new_code"])
    assert [(row["new_code"], row["new_name"], row["new_count"]) for row in rows] == [
        ("O'Neil", "O'Neil", 2),
        ("P-1", "P-1", 2),
        ("P-2", "P-2", 2),
    ]
    assert refusal(client.records.create, keyed, {"new_code": "P-1"}) == (412, "0x80060892")
    assert refusal(client.records.create, keyed, [{"new_code": "P-9"}, {"new_code": "P-9"}]) == (412, "0x80060892")
    item = UpsertItem({"new_name": "One"}, {"new_count": 1})
    assert refusal(client.records.upsert, keyed, [item])[0] == 400


def test_a_keys_index_is_built_in_the_background_and_can_be_deleted(
    client: DataverseClient, table: str, eventually: Eventually
) -> None:
    """Pending at first, Active later, Failed where rows already share a value; deleted, it is gone (facts §6.6)."""
    client.records.create(table, [{"new_code": "same", "new_count": 1}, {"new_code": "same", "new_count": 2}])
    made = client.tables.create_alternate_key(table, "new_CountKey", ["new_count"], display_name="By count")
    assert (made.status, made.key_attributes) == ("Pending", ["new_count"])
    client.tables.create_alternate_key(table, "new_CodeKey", ["new_code"])

    def built() -> bool:
        states = {key.schema_name: key.status for key in client.tables.get_alternate_keys(table)}
        return states == {"new_CountKey": "Active", "new_CodeKey": "Failed"}

    eventually(built)
    for key in client.tables.get_alternate_keys(table):
        client.tables.delete_alternate_key(table, key.metadata_id)
    assert client.tables.get_alternate_keys(table) == []


def test_a_lookup_binds_by_its_schema_name_and_loses_a_deleted_row(client: DataverseClient, table: str, refusal: Refusal) -> None:
    """RemoveLink: the row stays, the reference goes (facts §3.4, §6.4)."""
    made = client.tables.create_lookup_field(table, "new_PatientId", "contact", display_name="Patient")
    assert made.relationship_id and made.lookup_schema_name == "new_PatientId"
    known = client.tables.list_table_relationships(table, filter="ReferencingAttribute eq 'new_patientid'")
    assert [item["ReferencingEntityNavigationPropertyName"] for item in known] == ["new_PatientId"]
    contact = client.records.create("contact", {"lastname": "Rao"})
    assert refusal(client.records.create, table, {"new_patientid@odata.bind": f"/contacts({contact})"}) == (400, "0x80048d19")
    key = client.records.create(table, {"new_name": "v", "new_PatientId@odata.bind": f"/contacts({contact})"})
    row = client.records.retrieve(table, key, expand=["new_PatientId($select=lastname)"])
    assert row is not None and (row["_new_patientid_value"], row["new_PatientId"]["lastname"]) == (contact, "Rao")
    client.records.delete("contact", contact)
    row = client.records.retrieve(table, key)
    assert row is not None and row["_new_patientid_value"] is None
    found = client.tables.get_relationship(made.relationship_schema_name)
    assert found is not None and (found.referenced_entity, found.referencing_entity) == ("contact", table.lower())
    client.tables.delete_relationship(str(made.relationship_id))
    assert client.tables.get_column(table, "new_patientid") is None


@pytest.mark.parametrize(("rule", "answer", "left"), [("Cascade", None, False), ("Restrict", (405, "0x80040227"), True)])
def test_the_delete_rule_of_a_relationship_is_kept(
    client: DataverseClient, table: str, refusal: Refusal, rule: str, answer: tuple[int, str] | None, left: bool
) -> None:
    """Cascade takes the children along; Restrict refuses while there are any (facts §6.4, §10)."""
    label = Label([LocalizedLabel("Clinic", 1033)])
    shape = OneToManyRelationshipMetadata(
        f"new_account_{table}", "account", table.lower(), "accountid", cascade_configuration=CascadeConfiguration(delete=rule)
    )
    client.tables.create_one_to_many_relationship(LookupAttributeMetadata("new_ClinicId", label), shape)
    account = client.records.create("account", {"name": "Clinic"})
    key = client.records.create(table, {"new_ClinicId@odata.bind": f"/accounts({account})"})
    if answer:
        assert refusal(client.records.delete, "account", account) == answer
    else:
        client.records.delete("account", account)
    assert (client.records.retrieve(table, key) is not None) is left
    assert (client.records.retrieve("account", account) is not None) is left


def test_a_relationship_of_many_to_many_is_listed_and_deleted(client: DataverseClient, table: str) -> None:
    """It has no column; its metadata names both tables."""
    made = client.tables.create_many_to_many_relationship(
        ManyToManyRelationshipMetadata(f"new_{table}_contact", table.lower(), "contact", f"new_{table.lower()}_contact")
    )
    listed = client.tables.list_table_relationships(table, filter=f"SchemaName eq 'new_{table}_contact'")
    assert [(item["Entity1LogicalName"], item["Entity2LogicalName"]) for item in listed] == [(table.lower(), "contact")]
    client.tables.delete_relationship(str(made.relationship_id))
    assert client.tables.get_relationship(f"new_{table}_contact") is None


@pytest.mark.parametrize(("mode", "size"), [("small", 70_000), ("chunk", 9 * 1024 * 1024 + 17), ("small", 0)])
def test_a_file_column_keeps_what_was_uploaded(client: DataverseClient, table: str, tmp_path: Path, mode: str, size: int) -> None:
    """In one request or in pieces; the client makes the column itself; name and bytes come back whole (facts §9)."""
    path = tmp_path / "scan of knee.pdf"
    path.write_bytes(hashlib.shake_256(b"scan").digest(size))
    key = client.records.create(table, {"new_name": "with file"})
    client.files.upload(table, key, "new_Document", str(path), mode=mode)
    row = client.records.retrieve(table, key, select=["new_document", "new_document_name"])
    assert row is not None and row["new_document"] and row["new_document_name"] == path.name
    link = f"{client._get_odata().api}/{table.lower()}s({key})/new_document"
    answer = client._get_odata()._request("get", f"{link}/$value")
    assert answer.content == path.read_bytes()
    client._get_odata()._request("delete", link)
    row = client.records.retrieve(table, key, select=["new_document"])
    assert row is not None and row["new_document"] is None


def test_a_table_is_built_by_a_batch(client: DataverseClient) -> None:
    """Metadata travels in $batch too: a table, then its columns and a lookup; what cannot be made is refused alone."""
    name = f"new_Stay{uuid4().hex[:8]}"
    batch = client.batch.new()
    batch.tables.create(name, {"new_Code": "string"}, display_name="Stay")
    assert [item.status_code for item in batch.execute().responses] in ([200], [204])
    batch = client.batch.new()
    batch.tables.add_columns(name, {"new_Bed": "int", "new_Code": "string"})
    batch.tables.create_lookup_field(name, "new_PatientId", "contact")
    batch.tables.list(filter=f"SchemaName eq '{name}'", select=["LogicalName"])
    added, taken, lookup, listed = batch.execute(continue_on_error=True).responses
    assert (added.is_success, taken.error_code, lookup.is_success) == (True, "0x80047013", True)
    assert listed.data and [item["LogicalName"] for item in listed.data["value"]] == [name.lower()]
    columns = {item["LogicalName"] for item in client.tables.list_columns(name, select=["LogicalName"])}
    assert {"new_bed", "new_code", "new_name", "new_patientid"} <= columns
    batch = client.batch.new()
    batch.tables.remove_columns(name, "new_Bed")
    batch.tables.delete(name)
    assert [item.status_code for item in batch.execute().responses] == [204, 204]
    assert client.tables.get(name) is None


def test_data_frames_are_written_and_read(client: DataverseClient, table: str) -> None:
    """Rows from a pandas frame and back, types kept."""
    ids = client.dataframe.create(
        table, pandas.DataFrame({"new_code": ["a", "b"], "new_count": [1, 2], "new_urgent": [True, False]})
    )
    client.dataframe.update(table, pandas.DataFrame({f"{table.lower()}id": ids, "new_count": [3, 4]}), f"{table.lower()}id")
    frame = client.records.list(table, select=["new_code", "new_count", "new_urgent"], orderby=["new_code"]).to_dataframe()
    assert frame[["new_code", "new_count", "new_urgent"]].values.tolist() == [["a", 3, True], ["b", 4, False]]
