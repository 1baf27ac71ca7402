"""Which columns likely hold personal data, told by the words of their headers and the shape of their values (F6)."""

import re
from collections.abc import Sequence
from itertools import pairwise
from typing import Literal

PersonalKind = Literal["name", "birth date", "e-mail", "phone", "address", "id number", "health"]

_WORDS = re.compile(r"[A-Z]+(?![a-z\u00df-\u024f])|[A-Z]?[a-z\u00df-\u024f]+|[^\x00-\u024f]+|\d+")
# In order: the first kind whose word stands in the header. "Insurance Company Name" names nobody.
_NOT_PEOPLE = frozenset(
    {"company", "clinic", "hospital", "carrier", "provider", "insurance", "insurer", "payer", "medicine", "drug", "file"}
    | {"campaign", "item", "product", "service", "plan", "template", "field", "column", "brand", "test", "lab", "pharmacy"}
)
_HEADER_WORDS: tuple[tuple[PersonalKind, frozenset[str]], ...] = (
    ("e-mail", frozenset({"email", "mail", "e-mail", "emails"})),
    ("birth date", frozenset({"dob", "birth", "birthdate", "birthday", "born", "birthdt"})),
    ("phone", frozenset({"phone", "phones", "mobile", "cell", "telephone", "tel", "whatsapp", "fax", "landline", "msisdn"})),
    (
        "id number",
        frozenset({"aadhaar", "aadhar", "ssn", "passport", "pan", "mrn", "uhid", "abha", "licence", "license", "voter"})
        | frozenset({"policy", "npi", "nhs", "medicare", "beneficiary", "subscriber"}),
    ),
    (
        "health",
        frozenset({"blood", "allergy", "allergies", "allergic", "diagnosis", "diagnoses", "diagnosed", "snomed", "icd"})
        | frozenset({"medicine", "medicines", "medication", "drug", "dosage", "prescription", "indication", "symptom"})
        | frozenset({"symptoms", "condition", "conditions", "complaint", "treatment", "disease", "illness", "vitals"})
        | frozenset({"history", "clinical", "note", "notes", "purpose", "deceased", "death", "disability", "smoker", "rx"})
        | frozenset({"pregnant", "bmi", "bp", "weight", "height", "immunization", "vaccine", "procedure", "resolved"}),
    ),
    (
        "address",
        frozenset({"address", "addr", "street", "city", "town", "village", "pin", "pincode", "zip", "zipcode", "postal"})
        | frozenset({"postcode", "landmark", "locality", "district", "house", "latitude", "longitude", "lat", "lng"}),
    ),
    (
        "name",
        frozenset({"name", "firstname", "lastname", "surname", "forename", "fullname", "guardian", "nominee", "spouse"})
        | frozenset({"father", "mother", "husband", "wife", "patientname", "doctorname", "nok", "nickname", "initials"}),
    ),
)
# "Insurance Holder Name" names somebody again.
_HOLDERS = frozenset({"holder", "patient", "doctor", "contact", "nominee", "guardian", "insured", "subscriber"})
# "Note Type", "Prescription Status": what a record is, not what it says of anybody.
_ABOUT_RECORDS = frozenset({"type", "status", "count", "category", "kind"})
_OF_NO_PERSON = frozenset({"name", "phone", "address", "e-mail"})
_ID_SHAPES = (
    re.compile(r"\d{3}-\d{2}-\d{4}"),  # United States: social security number
    re.compile(r"[A-Z]{3}[ABCFGHLJPT][A-Z]\d{4}[A-Z]"),  # India: permanent account number
    re.compile(r"[2-9]\d{3}([ -])\d{4}\1\d{4}"),  # India: Aadhaar, as printed
)


def header_words(header: str) -> tuple[str, ...]:
    """The words of a header, in lower case, however they are joined.

    >>> header_words("Patient_DOB"), header_words("pinCode"), header_words("E-Mail ID")
    (('patient', 'dob'), ('pin', 'code'), ('e', 'mail', 'id'))
    """
    return tuple(word.lower() for word in _WORDS.findall(header))


def personal_kind(header: str, type_name: str, values: Sequence[tuple[str, int]]) -> PersonalKind | None:
    """The kind of personal data a column likely holds, else None.

    type_name is the column's type in the words of `patterns.classify`; values are distinct values with their counts.
    Names, phones and addresses of companies are no personal data; an address column of a mixed list is.

    >>> personal_kind("Mother's Name", "name", []), personal_kind("Insurance Company Name", "text", [])
    ('name', None)
    """
    words = header_words(header)
    joined = {*words, "".join(words), *("".join(pair) for pair in pairwise(words))}
    about_people = not _NOT_PEOPLE & joined
    if type_name == "name" and about_people | bool(_HOLDERS & joined):
        return "name"
    if words and words[-1] in _ABOUT_RECORDS:
        return None
    for kind, told_by in _HEADER_WORDS:
        if told_by & joined and (about_people or kind not in _OF_NO_PERSON) and _can_be(kind, type_name):
            return kind
    if type_name in ("e-mail", "phone"):
        return "e-mail" if type_name == "e-mail" else "phone"
    return "id number" if _id_numbers(values) else None


def _can_be(kind: PersonalKind, type_name: str) -> bool:
    if kind == "birth date":
        return type_name in ("date", "datetime", "text", "code", "integer", "empty")
    if kind == "id number":
        return type_name in ("identifier", "code", "integer", "text", "phone", "empty")
    # A key of a city or a prescription says nothing by itself.
    return type_name != "identifier"


def _id_numbers(values: Sequence[tuple[str, int]]) -> bool:
    rows = sum(count for _, count in values)
    fitting = sum(count for text, count in values if any(shape.fullmatch(text.strip()) for shape in _ID_SHAPES))
    return rows > 0 and fitting >= 0.9 * rows
