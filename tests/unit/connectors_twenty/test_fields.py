"""Leaves and wire values: what goes out, what comes back, and what empties a field (facts/twenty.md §6)."""

from decimal import Decimal
from typing import Any

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from crosswalk.connectors.twenty.expected import expected
from crosswalk.connectors.twenty.fields import Leaves, actor, decode, encode
from crosswalk.model.destination_schema import DestinationField, DestinationObject, FieldType
from crosswalk.model.errors import RejectedError
from crosswalk.model.values import Value


def leaf(path: str, kind: FieldType) -> DestinationField:
    return DestinationField(path=path, type=kind)


LEAVES = (
    leaf("name.firstName", "text"),
    leaf("name.lastName", "text"),
    leaf("emails.primaryEmail", "email"),
    leaf("emails.additionalEmails", "list"),
    leaf("phones.primaryPhoneNumber", "phone"),
    leaf("phones.additionalPhones", "json"),
    leaf("site.primaryLinkUrl", "url"),
    leaf("site.secondaryLinks", "json"),
    leaf("amount.value", "money"),
    leaf("amount.currencyCode", "text"),
    leaf("address.addressLat", "decimal"),
    leaf("body.markdown", "rich_text"),
    leaf("quantity", "integer"),
    leaf("weight", "decimal"),
    leaf("paid", "boolean"),
    leaf("day", "date"),
    leaf("moment", "datetime"),
    leaf("status", "option"),
    leaf("tags", "options"),
    leaf("codes", "list"),
    leaf("data", "json"),
    leaf("companyId", "reference"),
    leaf("file", "file"),
)
THING = DestinationObject(name="things", singular="thing", fields=LEAVES)

TEXT = st.text(st.characters(exclude_categories=("Cs",), exclude_characters="\0"), min_size=1, max_size=40)
MONEY = st.decimals(min_value=-9_000_000_000, max_value=9_000_000_000, places=6, allow_nan=False)
NUMBER = st.floats(allow_nan=False, allow_infinity=False, width=64).map(lambda number: Decimal(repr(number)))


def plain(number: Decimal) -> str:
    text = f"{number:f}"
    text = text.rstrip("0").rstrip(".") if "." in text else text
    return "0" if text in {"-0", ""} else text


VALUES: dict[str, st.SearchStrategy[Any]] = {
    "text": TEXT,
    "rich_text": TEXT,
    "email": st.emails().map(str.lower),
    "phone": st.from_regex(r"[2-9]\d{9}", fullmatch=True),
    "url": st.from_regex(r"https://[a-z]{1,8}\.test(/[A-Za-z]{1,5})?", fullmatch=True),
    "money": MONEY.map(plain),
    "decimal": NUMBER.map(plain),
    "integer": st.integers(-(2**53), 2**53),
    "boolean": st.booleans(),
    "date": st.dates().map(lambda day: day.isoformat()),
    "datetime": st.datetimes().map(lambda at: f"{at.year:04d}-{at:%m-%dT%H:%M:%S}.{at.microsecond // 1000:03d}Z"),
    "option": st.sampled_from(["A", "B_C"]),
    "options": st.lists(st.sampled_from(["A", "B", "C"]), min_size=1, unique=True),
    "list": st.lists(st.emails().map(str.lower), min_size=1, max_size=4),
    "json": st.lists(st.dictionaries(st.sampled_from(["label", "a"]), TEXT, min_size=1), min_size=1, max_size=3),
    "reference": st.uuids(version=4).map(str),
    "file": st.lists(st.fixed_dictionaries({"fileId": st.uuids().map(str), "label": TEXT}), min_size=1, max_size=2),
}


@st.composite
def records(draw: st.DrawFn) -> dict[str, Value]:
    chosen = draw(st.lists(st.sampled_from(LEAVES), unique_by=lambda item: item.path))
    return {item.path: draw(VALUES[item.type]) for item in chosen}


@given(records())
def test_what_is_sent_reads_back(values: dict[str, Value]) -> None:
    """Law: flattening what was unflattened, through JSON, gives the same leaves, exactly; nothing else appears."""
    body = orjson.loads(orjson.dumps(Leaves(THING).unflatten(values, clear=False)))
    answered = Leaves(THING).flatten(body)
    assert {path: value for path, value in answered.items() if value is not None} == values


@given(records())
def test_canonical_values_are_expected_to_stay(values: dict[str, Value]) -> None:
    """Law: expected() is idempotent: what Twenty normalised once, it keeps."""
    for item in LEAVES:
        if item.path in values:
            once = expected(item, values[item.path]).value
            assert expected(item, once).value == once


@given(MONEY)
def test_money_is_exact_to_the_micro(amount: Decimal) -> None:
    """Law: an amount of up to six decimals survives to the last one."""
    micros = encode(leaf("amount.value", "money"), plain(amount))
    assert isinstance(micros, int)
    assert Decimal(str(decode(leaf("amount.value", "money"), micros))) == amount


@pytest.mark.parametrize(
    ("kind", "value"),
    [
        ("money", "0.0000001"),
        ("money", "99999999999999.5"),
        ("money", "12,50 €"),
        ("integer", "twelve"),
        ("decimal", "NaN"),
        ("boolean", "yes"),
    ],
)
def test_a_value_that_cannot_be_kept_is_refused_without_being_repeated(kind: FieldType, value: str) -> None:
    """Refused here, before the request, by field and reason only."""
    with pytest.raises(RejectedError) as refused:
        encode(leaf("amount.value" if kind == "money" else "field", kind), value)
    assert value not in str(refused.value) + refused.value.remedy


@pytest.mark.parametrize(
    ("path", "cleared"),
    [
        ("name.firstName", {"name": {"firstName": ""}}),
        ("emails.primaryEmail", {"emails": {"primaryEmail": ""}}),
        ("emails.additionalEmails", {"emails": {"additionalEmails": []}}),
        ("phones.additionalPhones", {"phones": {"additionalPhones": []}}),
        ("amount.value", {"amount": {"amountMicros": None}}),
        ("amount.currencyCode", {"amount": {"currencyCode": None}}),
        ("body.markdown", {"body": {"markdown": ""}}),
        ("status", {"status": None}),
        ("tags", {"tags": []}),
        ("data", {"data": None}),
        ("companyId", {"companyId": None}),
        ("day", {"day": None}),
    ],
)
def test_clearing_never_sends_a_null_composite(path: str, cleared: dict[str, Any]) -> None:
    """A null composite is ignored by Twenty: its part is emptied instead [patch_clear_*]."""
    assert Leaves(THING).unflatten({path: None}, clear=True) == cleared
    assert Leaves(THING).unflatten({path: None}, clear=False) == {}


def test_a_leaf_the_object_lacks_is_refused() -> None:
    """A mapping beyond the schema never reaches the server."""
    with pytest.raises(RejectedError, match="noSuch"):
        Leaves(THING).unflatten({"noSuch": "x"}, clear=False)


@pytest.mark.parametrize(
    ("path", "kind", "written", "stored"),
    [
        ("emails.primaryEmail", "email", "Asha.Rao@Example.com", "asha.rao@example.com"),
        ("emails.additionalEmails", "list", ["Q@x.test"], ["q@x.test"]),
        ("phones.primaryPhoneNumber", "phone", "+919876500001", "9876500001"),
        ("phones.primaryPhoneNumber", "phone", "(202) 555-0123", "2025550123"),
        ("site.primaryLinkUrl", "url", "https://North.Test/", "https://north.test"),
        ("note", "text", "a\0b", "ab"),
        ("weight", "decimal", "0.1234567890123456789", "0.12345678901234568"),
        ("quantity", "integer", 12345678901234567890, 12345678901234567168),
        ("day", "date", "2024-02-29T23:00:00Z", "2024-02-29"),
        ("moment", "datetime", "2024-02-29T10:11:12.345+05:30", "2024-02-29T04:41:12.345Z"),
        ("data", "json", '{"a":1}', {"a": 1}),
        ("companyId", "reference", "9A2E5DF5-563B-4278-979C-82386339C9CC", "9a2e5df5-563b-4278-979c-82386339c9cc"),
    ],
)
def test_normalisations_name_their_rule(path: str, kind: FieldType, written: Value, stored: Value) -> None:
    """What reads back differently is foretold, with the rule in words."""
    foretold = expected(leaf(path, kind), written)
    assert foretold.value == stored
    assert foretold.rule and foretold.rule.endswith("."), "a sentence that a person reads in the diff"


@pytest.mark.parametrize(
    ("source", "kind"),
    [
        ("IMPORT", "import"),
        ("API", "integration"),
        ("MANUAL", "person"),
        ("EMAIL", "person"),
        ("WORKFLOW", "automation"),
        ("SYSTEM", "automation"),
        ("APPLICATION", "automation"),
        ("TOMORROW", "unknown"),
    ],
)
def test_actors(source: str, kind: str) -> None:
    """Who wrote a row; a marker counts on imports only."""
    seen = actor({"source": source, "name": "N", "context": {"run": "r1"}})
    assert seen.kind == kind
    assert seen.marker == ("r1" if source == "IMPORT" else None)


def test_a_row_without_actors() -> None:
    """Objects that keep no author give unknown ones."""
    seen = Leaves(THING).row({"id": "x", "deletedAt": "2026-11-21T09:48:03.437Z", "status": "A"})
    assert seen.deleted and seen.created_by.kind == "unknown" and seen.values == {"status": "A"}
