"""Everything the shipped map would create has names and labels that Twenty takes (facts/twenty.md §8)."""

import re
from collections import Counter
from collections.abc import Iterator

import pytest
from map_scanned import shipped, twenty
from map_world import Plain

SHIPPED = shipped()
NAME = re.compile("[a-z][a-zA-Z0-9]{0,62}")
RESERVED = frozenset(
    {f"{word}{end}" for word in ("type", "event", "link", "field", "object", "plan", "role", "user", "job") for end in ("", "s")}
    | {"address", "addresses", "currency", "currencies", "workspace", "workspaces", "relation", "relations", "search", "searches"}
    | {"index", "aggregate", "fullNames", "featureFlag"}
)
SYSTEM = frozenset({"id", "createdAt", "updatedAt", "deletedAt", "createdBy", "updatedBy", "position", "searchVector", "name"})
ATTACHED = frozenset({"timelineActivities", "attachments", "noteTargets", "taskTargets", "favorites"})
"""What every object has as reverse fields already."""
COMPOSITE = {
    "money": ("AmountMicros", "CurrencyCode"), "email": ("PrimaryEmail", "AdditionalEmails"),
    "rich_text": ("Markdown", "Blocknote"),
    "phone": ("PrimaryPhoneNumber", "PrimaryPhoneCountryCode", "PrimaryPhoneCallingCode", "AdditionalPhones"), "reference": ("Id",),
}  # fmt: skip
"""The columns a field of that type takes, after its own name."""


def created() -> Iterator[tuple[str, str, Plain]]:
    """(object, field name, create) of every field the shipped map may create, variants and switched-off records included."""
    for record in SHIPPED["records"].values():
        for variant, mapped in record["fields"].items():
            if "create" in mapped:
                path = variant.partition("@")[0]
                name = path.partition(".")[0]
                yield record["to"], name.removesuffix("Id") if mapped["create"]["type"] == "reference" else name, mapped["create"]


def camel(label: str) -> str:
    """The field name Twenty makes of a label."""
    first, *rest = re.sub("[^A-Za-z0-9 ]", "", label).split()
    return first.lower() + "".join(word.capitalize() for word in rest)


OBJECTS = sorted({name for name, _, _ in created()})


def standard(object_name: str) -> set[str]:
    """The fields an object has before we come."""
    described = twenty().object(object_name)
    return {leaf.path.partition(".")[0].removesuffix("Id") for leaf in described.fields} if described else set()


@pytest.mark.parametrize("item", SHIPPED["objects"], ids=lambda item: item["name"])
def test_a_created_object_has_acceptable_names(item: Plain) -> None:
    """Lower camel case, not reserved, singular and plural apart."""
    names = {item["name"], item["singular"]}
    assert len(names) == 2 and all(NAME.fullmatch(name) for name in names) and not names & RESERVED
    assert item["label"] != item["label_plural"]


@pytest.mark.parametrize("object_name", OBJECTS)
def test_created_fields_are_named_as_twenty_allows_and_collide_with_nothing(object_name: str) -> None:
    """No reserved word, no standard field, no column of a composite beside it, no reverse field of another object's reference."""
    own = {name: create for to, name, create in created() if to == object_name}
    assert all(NAME.fullmatch(name) for name in own)
    assert not set(own) & (RESERVED | SYSTEM | ATTACHED | standard(object_name))
    columns = [f"{name}{part}" for name, create in own.items() for part in COMPOSITE.get(create["type"], ("",))]
    assert max(Counter(columns).values()) == 1
    composite = {
        f"{name}{part}" for name, create in own.items() if create["type"] in COMPOSITE for part in COMPOSITE[create["type"]]
    }
    assert not composite & set(own)
    assert not set(own) & set(reverse_names(object_name))


def reverse_names(target: str) -> list[str]:
    """The reverse fields that references of the map put on an object, one per reference field."""
    references = {
        (to, name): create["reverse_label"]
        for to, name, create in created()
        if create["type"] == "reference" and create["to"] == target
    }
    return [camel(label) for label in references.values()]


@pytest.mark.parametrize("target", sorted({create["to"] for _, _, create in created() if create["type"] == "reference"}))
def test_reverse_fields_are_distinct_on_their_object_and_free(target: str) -> None:
    """The name Twenty makes of a reverse label is taken by nothing else on the target."""
    names = reverse_names(target)
    assert len(names) == len(set(names))
    assert not set(names) & (RESERVED | SYSTEM | ATTACHED | standard(target) | {"people", "opportunities"})
    assert all(NAME.fullmatch(name) for name in names)


def test_options_of_the_shipped_map_are_acceptable() -> None:
    """UPPER_SNAKE values and labels without comma, both distinct."""
    listed = [create["options"] for _, _, create in created() if isinstance(create.get("options"), list)]
    assert listed
    for options in listed:
        values, labels = zip(*options, strict=True)
        assert all(re.fullmatch("[A-Z][A-Z0-9_]*", value) for value in values)
        assert all(0 < len(label) <= 63 and "," not in label for label in labels)
        assert len(set(values)) == len(values) == len(set(labels))


def test_one_field_is_created_in_one_way() -> None:
    """Records that write one object agree on what they create there."""
    kinds: dict[tuple[str, str], set[tuple[str, str]]] = {}
    for to, name, create in created():
        kinds.setdefault((to, name), set()).add((create["type"], create["label"]))
    assert {place: found for place, found in kinds.items() if len(found) > 1} == {}


def test_labels_are_distinct_within_an_object() -> None:
    """Two columns of one name would confuse whoever reads them."""
    labels = Counter(
        (to, create["label"].lower())
        for to, _, create in {(to, name): (to, name, create) for to, name, create in created()}.values()
    )
    assert [place for place, number in labels.items() if number > 1] == []


def test_every_record_that_may_be_matched_carries_its_source_id() -> None:
    """A unique `sourceSystemId` on every object written, links and attachments aside (C11 and D1 of the brief)."""
    for variant, record in SHIPPED["records"].items():
        if not record.get("link") and record["to"] != "attachments":
            assert record["fields"]["sourceSystemId"]["create"]["unique"] is True, variant
