"""The transforms read the clinic's real export: what its TRUTH.json says must come out."""

import csv
import json
from collections import Counter
from decimal import Decimal
from pathlib import Path

import pytest

from crosswalk.transforms.contract import Settings
from crosswalk.transforms.patterns import classify
from crosswalk.transforms.registry import transform

CLINIC = Path(__file__).parents[3].parent / "shared" / "data" / "clinic"
pytestmark = pytest.mark.skipif(not CLINIC.is_dir(), reason="the clinic's export (../shared/data/clinic) is not here")
CLINIC_SETTINGS = Settings("US", "America/New_York", "USD", "ymd")


def column(file: str, name: str) -> Counter[str]:
    """The distinct values of a column with their counts."""
    with (CLINIC / f"{file}.csv").open(encoding="utf-8", newline="") as lines:
        return Counter(row[name] for row in csv.DictReader(lines))


def truth(name: str) -> object:
    """A fact about the export."""
    return json.loads((CLINIC / "TRUTH.json").read_text("utf-8"))[name]


def findings(file: str, name: str, transform_name: str) -> Counter[str]:
    """How many rows of the column end with which finding."""
    function = transform(transform_name).function
    counts: Counter[str] = Counter()
    for text, rows in column(file, name).items():
        counts[function(text, CLINIC_SETTINGS).finding or "none"] += rows
    return counts


@pytest.mark.parametrize(
    ("file", "name", "transform_name"),
    [
        ("patients", "DOB", "date.birth"),
        ("patients", "Deceased On", "date"),
        ("patients", "Gender", "gender"),
        ("patients", "Created On", "datetime"),
        ("doctors", "Email", "email"),
        ("appointments", "Start Time", "datetime"),
        ("clinical_notes", "Written On", "datetime"),
        ("billing", "Total Amount", "money"),
        ("prescriptions", "Dispenses", "integer"),
        ("visit_history", "SNOMED Code", "code"),
    ],
)
def test_clean_columns_raise_nothing(file: str, name: str, transform_name: str) -> None:
    """Columns without fault are read without a finding."""
    assert set(findings(file, name, transform_name)) == {"none"}


def test_years_and_impossible_dates_are_findings() -> None:
    """Policies valid from a year only, and one with a nine-digit year, are told and not guessed."""
    assert findings("insurance_policies", "Valid From", "datetime")["date_incomplete"] == truth("policies_valid_from_year_only")
    assert findings("insurance_policies", "Valid To", "datetime")["date_invalid"] == 1


@pytest.mark.parametrize(
    ("name", "sum_name"),
    [
        ("Total Amount", "sum_total_amount"),
        ("Insurance Covered", "sum_insurance_covered"),
        ("Patient Payable", "sum_patient_payable"),
    ],
)
def test_sums_are_exact(name: str, sum_name: str) -> None:
    """The sum of the bills is right to the cent."""
    amounts = ((transform("money").function(text, CLINIC_SETTINGS).value, rows) for text, rows in column("billing", name).items())
    total = sum((amount * rows for amount, rows in amounts if isinstance(amount, Decimal)), Decimal(0))
    assert str(total) == truth(sum_name)


def test_telephones() -> None:
    """Of the numbers only mistyped ones are lost; doubled ones are one, extensions and unused numbers are told."""
    found = findings("patients", "Mobile", "phone.e164")
    shapes = truth("clinic_mobile_shapes")
    assert isinstance(shapes, dict)
    assert found["phone_extension"] == shapes["999-999-9999 X 9999"]
    assert found["phone_invalid"] >= shapes["999-999-99999"]
    assert found["phone_possible"] >= truth("patients_with_mobile")  # pyright: ignore[reportOperatorIssue]
    assert found["phone_words_left"] == 0


def test_names_fall_into_given_and_family() -> None:
    """Every patient and doctor has a given and a family name, whose words are those of the name."""
    with (CLINIC / "patients.csv").open(encoding="utf-8", newline="") as lines:
        patients = {row["Patient Name"] for row in csv.DictReader(lines) if row["Type"] == "Patient"}
    for name in patients | set(column("doctors", "Doctor Name")):
        parts = [transform(f"person_name.{part}").function(name, CLINIC_SETTINGS).value for part in ("given_all", "family")]
        assert " ".join(map(str, parts)) == name


@pytest.mark.parametrize(
    ("file", "name", "kind", "personal"),
    [
        ("patients", "Patient ID", "identifier", None),
        ("patients", "Patient Name", "name", "name"),
        ("patients", "DOB", "date", "birth date"),
        ("patients", "PIN Code", "code", "address"),
        ("patients", "Mobile", "phone", "phone"),
        ("patients", "Type", "enumeration", None),
        ("doctors", "Email", "e-mail", "e-mail"),
        ("doctors", "Speciality", "enumeration", None),
        ("billing", "Total Amount", "money", None),
        ("prescriptions", "Dispenses", "integer", None),
        ("prescriptions", "Drug Code", "code", "health"),
        ("appointments", "Start Time", "datetime", None),
        ("insurance_policies", "Policy Holder Name", "name", "name"),
        ("clinical_notes", "Note", "text", "health"),
    ],
)
def test_columns_are_recognised(file: str, name: str, kind: str, personal: str | None) -> None:
    """The profile of the export tells each kind of column."""
    found = classify(column(file, name).most_common(2000), name)
    assert (found.type, found.personal) == (kind, personal)
