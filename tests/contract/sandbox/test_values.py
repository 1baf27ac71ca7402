"""What a value written to a field reads back as (facts/twenty.md §6)."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from talk import Talk

FIELDS: list[dict[str, Any]] = [
    {"name": "note", "type": "TEXT"},
    {"name": "day", "type": "DATE"},
    {"name": "moment", "type": "DATE_TIME"},
    {"name": "fee", "type": "CURRENCY"},
    {"name": "mail", "type": "EMAILS"},
    {"name": "tel", "type": "PHONES"},
    {"name": "site", "type": "LINKS"},
    {"name": "home", "type": "ADDRESS"},
    {"name": "data", "type": "RAW_JSON"},
    {"name": "tags", "type": "MULTI_SELECT", "options": [{"label": "A", "value": "A"}, {"label": "B", "value": "B"}]},
    {"name": "amountDue", "type": "NUMBER"},
    {"name": "body", "type": "RICH_TEXT"},
]


@pytest.fixture(scope="module")
def talk() -> Talk:
    """A workspace with an object that has a field of every kind."""
    made = Talk()
    made.custom("sample", *FIELDS)
    return made


PHONE: dict[str, Any] = {"primaryPhoneCountryCode": "IN", "primaryPhoneCallingCode": "+91", "additionalPhones": []}

KEPT: list[tuple[str, Any, Any]] = [
    ("note", None, ""),
    ("note", "  two blanks ", "  two blanks "),
    ("day", "2024-02-29T23:59:00+05:30", "2024-02-29"),
    ("moment", "2024-02-29T10:11:12.345+05:30", "2024-02-29T04:41:12.345Z"),
    ("moment", "2024-02-29 10:11:12", "2024-02-29T10:11:12.000Z"),
    ("moment", "03/04/2019", "2019-03-04T00:00:00.000Z"),
    ("moment", "2024-02-29", "2024-02-29T00:00:00.000Z"),
    ("fee", {"amountMicros": "12500000", "currencyCode": "inr"}, {"amountMicros": 12500000, "currencyCode": "inr"}),
    ("fee", {"amountMicros": -12.9}, {"amountMicros": -12, "currencyCode": None}),
    ("mail", {"primaryEmail": "ZOË.Müller@Example.COM"}, {"primaryEmail": "zoë.müller@example.com", "additionalEmails": []}),
    ("tel", {"primaryPhoneNumber": "+919876500001"}, {**PHONE, "primaryPhoneNumber": "9876500001"}),
    ("tel", {"primaryPhoneNumber": "98765 00001", "primaryPhoneCountryCode": "IN"}, {**PHONE, "primaryPhoneNumber": "9876500001"}),
    (
        "site",
        {"primaryLinkUrl": "https://North.TEST/"},
        {"primaryLinkUrl": "https://north.test", "primaryLinkLabel": "", "secondaryLinks": []},
    ),
    (
        "site",
        {"primaryLinkUrl": "north.test/Path"},
        {"primaryLinkUrl": "north.test/Path", "primaryLinkLabel": "", "secondaryLinks": []},
    ),
    ("data", '{"a": [1]}', {"a": [1]}),
    ("tags", "A", ["A"]),
    ("tags", None, []),
    ("amountDue", 12.75, 12.75),
]


@pytest.mark.parametrize(("name", "sent", "kept"), KEPT)
def test_a_written_value_reads_back_normalised(talk: Talk, name: str, sent: Any, kept: Any) -> None:
    """The answer to the write and a later read show the same normalised value."""
    row = talk.made("samples", {name: sent})[0]
    assert row[name] == kept
    assert talk.get(f"/rest/samples/{row['id']}")["data"]["sample"][name] == kept


REFUSED: list[tuple[str, Any, str]] = [
    ("note", ["x"], "Invalid string value [ 'x' ] for text field \"note\""),
    ("moment", "32/01/2019", "Invalid value '32/01/2019' for date-time field \"moment\". Expected format: 'YYYY-MM-DDTHH:mm:ssZ'"),
    ("tel", {"primaryPhoneNumber": "9876500001"}, "Provided phone number is invalid 9876500001"),
    ("mail", {"primaryEmail": "no at sign"}, "Invalid string value 'no at sign' for email field \"mail.primaryEmail\""),
    ("home", {"street": "x"}, 'Invalid subfield street for address field "home"'),
    ("amountDue", True, 'Invalid number value true for field "amountDue"'),
    ("data", 12, 'Invalid object value 12 for field "data"'),
    ("searchVector", "x", 'column "searchVector" can only be updated to DEFAULT'),
]


@pytest.mark.parametrize(("name", "sent", "message"), REFUSED)
def test_a_refused_value_is_named(talk: Talk, name: str, sent: Any, message: str) -> None:
    """A value that the field cannot hold is refused with the server's words, and nothing is stored."""
    before = talk.get("/rest/samples", limit=0)["totalCount"]
    assert talk.message("POST", "/rest/samples", {name: sent}) == message
    assert talk.get("/rest/samples", limit=0)["totalCount"] == before


def test_a_null_composite_changes_nothing_and_sub_fields_merge(talk: Talk) -> None:
    """PATCH with null keeps a composite; PATCH with one part keeps the others; the empty text clears a part."""
    row = talk.made("samples", {"home": {"addressCity": "Pune", "addressStreet1": "1 Main"}})[0]
    path = f"/rest/samples/{row['id']}"
    changes: list[tuple[Any, str, str]] = [
        (None, "Pune", "1 Main"),
        ({"addressCity": "Goa"}, "Goa", "1 Main"),
        ({"addressCity": "", "addressStreet1": None}, "", ""),
    ]
    for change, city, street in changes:
        home = talk.call("PATCH", path, {"home": change})[1]["data"]["updateSample"]["home"]
        assert (home["addressCity"], home["addressStreet1"]) == (city, street)


@given(st.text(st.characters(codec="utf-8", exclude_characters="\0"), max_size=60))
def test_markdown_comes_back_byte_for_byte(text: str) -> None:
    """Whatever the markdown, it reads back as sent, with a blocknote made from it exactly when it is not empty."""
    body = SHARED_TALK.made("samples", {"body": {"markdown": text}})[0]["body"]
    assert body["markdown"] == text
    assert (body["blocknote"] is None) == (text == "")


@given(st.text(st.characters(codec="utf-8", exclude_characters="\0"), max_size=60))
def test_any_text_is_kept_exactly(text: str) -> None:
    """Unicode, quotes, blanks and newlines survive a write and a read."""
    row = SHARED_TALK.made("samples", {"note": text})[0]
    assert SHARED_TALK.get(f"/rest/samples/{row['id']}")["data"]["sample"]["note"] == text


SHARED_TALK = Talk()
SHARED_TALK.custom("sample", *FIELDS)
