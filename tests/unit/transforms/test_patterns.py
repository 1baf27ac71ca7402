"""A column's type, shape and likely personal data are told from its values, its header breaking ties."""

import pytest

from crosswalk.transforms.patterns import classify, mask
from crosswalk.transforms.personal import header_words

UUIDS = ["6872def5-772f-427c-3053-de6e1c71ce0a", "6c434506-fb4b-3e3f-c19d-553dec3b6c17"]
CASES = [
    ("Patient ID", UUIDS, "identifier", None),
    ("Reg", ["KA-001", "KA-002", "KA-003"], "identifier", None),
    ("Email", ["a@b.com", "c@d.com"], "e-mail", "e-mail"),
    ("Contact", ["a@b.com", "c@d.com"], "e-mail", "e-mail"),
    ("DOB", ["25/12/1987", "04/05/2019"], "date", "birth date"),
    ("Created", ["2019-12-25T10:00:00Z", "2019-12-26"] * 3, "datetime", None),
    ("Valid From", ["2019-12-25T10:00:00Z"] * 19 + ["2019"], "datetime", None),
    ("Consent", ["Yes", "No", "yes"], "boolean", None),
    ("Active", ["1", "0"], "boolean", None),
    ("Visits", ["1", "2", "1"], "integer", None),
    ("Gender", ["M", "F"] * 9, "enumeration", None),
    ("Sex", ["F"] * 9, "enumeration", None),
    ("Mobile", ["98765 43210", "+91 91234 56780"], "phone", "phone"),
    ("Mobile", ["9876543210", "9123456780", "12"], "phone", "phone"),
    ("SNOMED Code", ["53741008", "230690007"], "code", "health"),
    ("PIN", ["560001", "411001"], "code", "address"),
    ("Zip", ["02472", "01905"], "code", "address"),
    ("Account", ["12345678901234567", "22345678901234567"], "code", None),
    ("Fee", ["136.80", "85.55"], "money", None),
    ("Received", ["₹500", "Rs. 1,200/-"], "money", None),
    ("Temperature", ["98.6", "99"], "decimal", None),
    ("Patient Name", ["Claudia969 Pacheco179", "S. Krishnan", "Asha"], "name", "name"),
    ("Company Name", ["Cigna Health", "Humana"], "text", None),
    ("Clinic Phone", ["617-584-2794", "413-794-7031"], "phone", "phone"),
    ("Policy Holder Name", ["Asha Rao", "Ram Lal"], "name", "name"),
    ("Blood Group", ["O+", "A-"] * 5, "enumeration", "health"),
    ("Note Type", ["Consultation note"] * 4, "enumeration", None),
    ("Note", ["He came, and went.", "She stays; see above"], "text", "health"),
    ("Address", ["12 MG Road, Pune", "625 Doyle Row"], "text", "address"),
    ("Reference", ["123-45-6789", "223-45-6789"], "identifier", "id number"),
    ("Email", ["", "N/A"], "empty", "e-mail"),
]


@pytest.mark.parametrize(("header", "values", "kind", "personal"), CASES)
def test_type_and_personal_data(header: str, values: list[str], kind: str, personal: str | None) -> None:
    """The type is what nine rows in ten are."""
    counts = [(value, values.count(value)) for value in dict.fromkeys(values)]
    found = classify(counts, header, "IN" if "9876" in values[0] or "98765" in values[0] else "US")
    assert (found.type, found.personal) == (kind, personal)


@pytest.mark.parametrize(
    ("text", "shape"),
    [("02472", "99999"), ("KAR-001", "AAA-999"), ("Asha Rao", "Aaaa Aaa"), ("é", "a"), ("9" * 50, "9" * 40 + "…")],
)
def test_masks(text: str, shape: str) -> None:
    """A mask keeps the shape of a value and none of its letters or digits."""
    assert mask(text) == shape


def test_dates_carry_their_order() -> None:
    """A column of dates says in which order they are written, and how sure that is."""
    order = classify([("25/12/1987", 3), ("04/05/2019", 7)], "Seen on").date_order
    assert order is not None
    assert (order.order, order.deciding, order.ambiguous) == ("dmy", 3, 7)


@pytest.mark.parametrize(
    ("header", "words"),
    [("Patient_DOB", ("patient", "dob")), ("pinCode", ("pin", "code")), ("PIN Code", ("pin", "code")), ("नाम", ("नाम",))],
)
def test_header_words(header: str, words: tuple[str, ...]) -> None:
    """Headers are cut at case, digits and punctuation."""
    assert header_words(header) == words
