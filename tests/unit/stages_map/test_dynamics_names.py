"""What the shipped map to Dynamics would create has names Dataverse takes, and what it writes stands (facts/dataverse.md §6)."""

import re
from collections import Counter, defaultdict
from collections.abc import Iterator

import pytest
from map_dynamics import dynamics, shipped_for_dynamics
from map_world import Plain

from crosswalk.connectors.dataverse.naming import schema_name
from crosswalk.connectors.dataverse.payloads import FIELD_TYPES
from crosswalk.stages.naming import renamed

SHIPPED = shipped_for_dynamics()
STANDARD = dynamics()
NAME = re.compile("pulse_[a-z0-9]{1,43}")
SYMBOL = re.compile("[A-Z][A-Z0-9_]*")
OWN = {item["name"] for item in SHIPPED["objects"]}
EVERYWHERE = frozenset({"ownerid", "createdon", "pulse_name"})
"""Columns every table has."""
WITHOUT_SOURCE_ID = frozenset({"annotation", "campaignresponse"})
"""Notes take no columns of ours; a response is known by its campaign and contact."""
CUSTOM_TABLES = 15
"""What Sales Professional may have (facts/dataverse.md §0.10)."""
MOST_UNIQUE = 450
"""Characters an alternate key's index of 900 bytes holds (facts/dataverse.md §6.6)."""
SHADOWS = {"option": ("name",), "reference": ("name", "yominame", "type"), "money": ("_base",)}
"""What the platform puts beside a column of that type."""


def fields() -> Iterator[tuple[str, str, Plain, str]]:
    """(table, path, field, record) of everything written, variants included."""
    for record, mapped in SHIPPED["records"].items():
        for variant, field in mapped["fields"].items():
            yield mapped["to"], variant.partition("@")[0], field, record


def created() -> Iterator[tuple[str, str, Plain]]:
    """(table, column, create) of every column that would be created."""
    yield from (
        (table, path, field["create"]) for table, path, field, _ in fields() if path.startswith("pulse_") and "create" in field
    )


TABLES = sorted({table for table, _, _ in created()})


def test_no_more_tables_than_the_smallest_licence_allows() -> None:
    """Tables of ours, each written, each with names of its own."""
    assert len(OWN) <= CUSTOM_TABLES
    assert {table for table in TABLES if table.startswith("pulse_")} == OWN
    labels = [label for item in SHIPPED["objects"] for label in (item["label"], item["label_plural"])]
    assert len(labels) == len(set(labels))


@pytest.mark.parametrize("item", SHIPPED["objects"], ids=lambda item: item["name"])
def test_a_table_has_a_name_that_its_label_gives_capitals_to(item: Plain) -> None:
    """`pulse_insurancecarrier`, “Insurance carrier” → pulse_InsuranceCarrier; its primary name column is written."""
    assert NAME.fullmatch(item["name"]) and item["singular"] == item["name"]
    assert schema_name(item["name"], item["label"]) != item["name"]
    assert any(table == item["name"] and path == "pulse_name" for table, path, _, _ in fields())


@pytest.mark.parametrize("table", TABLES)
def test_created_columns_are_named_as_dataverse_allows_and_collide_with_nothing(table: str) -> None:
    """Prefix and lower case, capitals by the label, no standard column, no key, no shadow that the platform puts beside one."""
    own = {path: create for to, path, create in created() if to == table}
    assert all(NAME.fullmatch(name) for name in own)
    assert [name for name, create in own.items() if schema_name(name, create["label"]) == name] == []
    described = STANDARD.object(table)
    taken = {leaf.path.partition(".")[0] for leaf in described.fields} if described else {f"{table}id"}
    shadows = {f"{name}{end}" for name, create in own.items() for end in SHADOWS.get(create["type"], ())}
    assert not set(own) & (taken | shadows)
    labels = Counter(create["label"].lower() for create in own.values())
    assert max(labels.values()) == 1


def test_columns_are_of_types_that_can_be_created() -> None:
    """A list, for one, is nothing in Dataverse; lookups name their target and how the list there is called."""
    for table, path, create in created():
        assert create["type"] in FIELD_TYPES, f"{table}.{path}"
        if create["type"] == "reference":
            assert create["to"] in OWN | {item.name for item in STANDARD.objects} and create["reverse_label"]
            assert path.endswith("id")
        if create.get("unique"):
            assert create["max_length"] <= MOST_UNIQUE


def test_one_column_is_created_in_one_way() -> None:
    """Records and variants that write one table agree on what they create there."""
    kinds: defaultdict[tuple[str, str], set[str]] = defaultdict(set)
    for table, path, create in created():
        kinds[table, path].add(repr(sorted(create.items())))
    assert {place: found for place, found in kinds.items() if len(found) > 1} == {}


def test_every_other_column_stands_and_can_be_written() -> None:
    """Standard columns by their logical names; options are added only where the organisation's own do not do."""
    extended: set[tuple[str, str]] = set()
    for table, path, field, record in fields():
        if table in OWN and path in EVERYWHERE:
            continue
        if path.startswith("pulse_"):
            assert "create" in field, f"{record}.{path} stands nowhere and is not created"
            continue
        described = STANDARD.object(table)
        leaf = described.field(path) if described else None
        assert leaf is not None and leaf.writable, f"{record}.{path}"
        if "create" in field:
            assert leaf.type == field["create"]["type"] == "option"
            extended.add((table, path))
    assert extended == {("contact", "gendercode")}


def test_value_maps_lead_to_options_that_stand() -> None:
    """State, status and marital status by the symbols of their labels."""
    for table, path, field, record in fields():
        described = STANDARD.object(table)
        leaf = described.field(path) if described else None
        if isinstance(field.get("values"), dict) and leaf is not None:
            assert set(field["values"].values()) <= set(leaf.options), f"{record}.{path}"
        if "expression" in field and leaf is not None and leaf.type == "option":
            assert set(re.findall("THEN '([A-Z_]+)'", field["expression"])) <= set(leaf.options), f"{record}.{path}"


def test_state_and_status_of_an_appointment_are_said_together() -> None:
    """Every word has both, and the pair is one the platform takes (facts/dataverse.md §3.9)."""
    mapped = SHIPPED["records"]["appointments"]["fields"]
    states, statuses = mapped["statecode"]["values"], mapped["statuscode"]["values"]
    assert states.keys() == statuses.keys()
    assert {(states[word], statuses[word]) for word in states} == {
        ("COMPLETED", "COMPLETED"), ("CANCELED", "CANCELED"), ("SCHEDULED", "BUSY"), ("OPEN", "TENTATIVE"),
    }  # fmt: skip


def test_options_of_the_shipped_map_are_symbols() -> None:
    """UPPER_SNAKE values with labels, both distinct."""
    listed = [create["options"] for _, _, create in created() if isinstance(create.get("options"), list)]
    assert listed
    for options in listed:
        values, labels = zip(*options, strict=True)
        assert all(SYMBOL.fullmatch(value) for value in values) and all(labels)
        assert len(set(values)) == len(values) == len(set(labels))


@pytest.mark.parametrize("record", SHIPPED["records"])
def test_every_record_has_an_owner_its_times_and_its_source_id(record: str) -> None:
    """Somebody owns it whatever the export lacks (E1); C10 and C11 on everything that takes columns of ours."""
    mapped = SHIPPED["records"][record]
    written = {path.partition("@")[0] for path in mapped["fields"]}
    assert [field["owner"] for path, field in mapped["fields"].items() if path.partition("@")[0] == "ownerid"][-1] == "@fallback"
    if mapped["to"] not in WITHOUT_SOURCE_ID:
        assert mapped["fields"]["pulse_sourcesystemid"]["create"]["unique"] is True
        assert "pulse_sourcesystemid" in mapped["match"]["by"]
    from_names = mapped["to"] == "pulse_insurancecarrier" and mapped["from"] != "insurance_companies"
    assert {"pulse_originalmodifiedon", "createdon"} & written or from_names
    assert all(field["if_writable"] for path, field in mapped["fields"].items() if path.startswith("createdon"))


def test_names_can_be_the_seeds_own() -> None:
    """With the prefix `new` and the suffix `__c` everything created is renamed, and every place that speaks of it."""
    chosen = renamed(SHIPPED, "new", "__c")
    assert {item["name"] for item in chosen["objects"]} == {f"{name.replace('pulse_', 'new_')}__c" for name in OWN}
    assert "new_bloodtype__c" in chosen["records"]["contacts"]["fields"]
    assert "pulse_" not in repr(chosen)
    for mapped in chosen["records"].values():
        paths = {variant.partition("@")[0] for variant in mapped["fields"]}
        assert set(mapped.get("match", {}).get("by", ())) <= paths
        assert {field["words_of"] for field in mapped["fields"].values() if "words_of" in field} <= paths
        assert all(len(path) <= 50 for path in paths)
