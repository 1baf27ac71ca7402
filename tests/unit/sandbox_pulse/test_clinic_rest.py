"""Nothing else is dirty: what PLANTED.json does not list is valid, related and consistent."""

from collections import Counter, defaultdict
from datetime import datetime
from decimal import Decimal

import phonenumbers
import pytest
from clinic_reading import Folder, rupees
from email_validator import EmailNotValidError, validate_email

from crosswalk_sandbox.services.pulse.clinic import words

KEYS = {
    "patients": ["UHID"],
    "doctors": ["Staff Code"],
    "appointments": ["Appt No"],
    "prescriptions": ["Pt UHID", "Appt No", "Drug Code", "Start"],
    "billing": ["Bill No."],
    "insurance_policies": ["UHID", "Policy Number"],
    "insurance_companies": ["Company Code"],
    "visit_history": ["UHID", "Appt No", "SNOMED"],
    "clinical_notes": ["Note No"],
    "messages": ["Msg ID"],
    "campaigns": ["Campaign Code"],
    "campaign_members": ["Campaign Code", "UHID"],
    "intake_forms": ["UHID", "Filled On"],
    "documents": ["UHID", "File Name"],
}
RELATIONS = [
    ("patients", "Consulting Doctor", "doctors", "Staff Code"),
    ("patients", "Home Branch", "patients", "UHID"),
    ("patients", "Referring Clinic", "patients", "UHID"),
    ("doctors", "Branch", "patients", "UHID"),
    ("appointments", "UHID", "patients", "UHID"),
    ("appointments", "Doctor", "doctors", "Staff Code"),
    ("prescriptions", "Pt UHID", "patients", "UHID"),
    ("prescriptions", "Appt No", "appointments", "Appt No"),
    ("prescriptions", "Prescribed By", "doctors", "Staff Code"),
    ("billing", "UHID", "patients", "UHID"),
    ("billing", "Appt No", "appointments", "Appt No"),
    ("billing", "Insurance Provider", "insurance_companies", "Company"),
    ("insurance_policies", "UHID", "patients", "UHID"),
    ("insurance_policies", "Company Code", "insurance_companies", "Company Code"),
    ("visit_history", "Appt No", "appointments", "Appt No"),
    ("clinical_notes", "UHID", "patients", "UHID"),
    ("clinical_notes", "Author", "doctors", "Staff Code"),
    ("clinical_notes", "Attached File", "documents", "File Name"),
    ("messages", "UHID", "patients", "UHID"),
    ("campaign_members", "UHID", "patients", "UHID"),
    ("campaign_members", "Campaign Code", "campaigns", "Campaign Code"),
    ("intake_forms", "UHID", "patients", "UHID"),
    ("documents", "UHID", "patients", "UHID"),
]


@pytest.mark.parametrize("name", sorted(KEYS))
def test_keys_are_unique_after_folding(clinic: Folder, name: str) -> None:
    """No two distinct records of an object have the same key."""
    keys = Counter(tuple(values[field] for field in KEYS[name]) for _, values in clinic.good(name))
    assert max(keys.values()) == 1


@pytest.mark.parametrize(("child", "field", "parent", "key"), RELATIONS)
def test_only_the_listed_rows_are_orphans(clinic: Folder, child: str, field: str, parent: str, key: str) -> None:
    """Each filled reference names an existing record, except on the rows listed as orphans."""
    known = {values[key] for _, values in clinic.good(parent)}
    orphans = {line for line, values in clinic.good(child) if values[field] and values[field] not in known}
    assert orphans == clinic.listed(clinic.planted["files"][child], field)


def test_only_the_listed_phones_are_invalid(clinic: Folder) -> None:
    """phonenumbers accepts every cell with a number of patients, clinics, contacts and insurers but the listed ones."""
    for name, field in (("patients", "Contact No."), ("intake_forms", "Emergency Phone"), ("insurance_companies", "Helpline")):
        wrong = {line for line, values in clinic.good(name) if values[field] and not _is_valid_phone(values[field])}
        assert wrong == clinic.listed(clinic.planted["files"][name], field)


@pytest.mark.parametrize("prefix", words.MOBILE_PREFIXES)
def test_every_number_of_a_mobile_prefix_is_valid(prefix: str) -> None:
    """The prefixes the generator draws from hold valid Indian mobile numbers only (every 499th is tried)."""
    assert all(_is_valid_phone(f"{prefix}{rest:05d}") for rest in range(0, 100_000, 499))


def _is_valid_phone(text: str) -> bool:
    try:
        return phonenumbers.is_valid_number(phonenumbers.parse(text, "IN"))
    except phonenumbers.NumberParseException:
        return False


def test_only_the_listed_emails_are_invalid_or_shared(clinic: Folder) -> None:
    """E-mail addresses are valid and one person's own, except where listed; the relative's note names the first holder."""
    name, _ = clinic.sheet("patients")
    holders: dict[str, list[tuple[int, str]]] = defaultdict(list)
    wrong: set[int] = set()
    for line, values in clinic.good("patients"):
        if values["E-mail ID"]:
            holders[values["E-mail ID"].lower()].append((line, values["UHID"]))
            wrong |= set() if _is_valid_email(values["E-mail ID"]) else {line}
    assert wrong == {entry["line"] for entry in clinic.dirt("email_invalid")}
    shared = [found for found in holders.values() if len(found) > 1]
    (entry,) = clinic.dirt("email_shared")
    assert shared == [[(shared[0][0][0], entry["related"][0]), (entry["line"], entry["key"])]]
    assert entry["file"] == name


def _is_valid_email(text: str) -> bool:
    try:
        validate_email(text, check_deliverability=False)
    except EmailNotValidError:
        return False
    return True


def test_only_the_listed_doctors_share_an_email(clinic: Folder) -> None:
    """Two doctors share one address; the two members of the sandbox CRM are one doctor each."""
    addresses = Counter(values["Official E-mail"] for _, values in clinic.good("doctors"))
    shared = {line for line, values in clinic.good("doctors") if addresses[values["Official E-mail"]] > 1}
    assert shared == {entry["line"] for entry in clinic.dirt("doctor_email_shared")}
    assert addresses["mehta@clinic.test"] == addresses["iyer@clinic.test"] == 1
    assert len([1 for _, values in clinic.good("doctors") if values["Role"] == "Doctor"]) == 12


def test_only_the_listed_patient_is_there_twice(clinic: Folder) -> None:
    """Name and birth date together belong to one patient, but for the one listed twin."""
    people: dict[tuple[str, str], list[str]] = defaultdict(list)
    for _, values in clinic.good("patients"):
        if values["Record Type"] == "Patient":
            people[values["Name of Patient"], values["Date of Birth"]].append(values["UHID"])
    twins = [found for found in people.values() if len(found) > 1]
    (entry,) = clinic.dirt("duplicate_person")
    assert twins == [[entry["related"][0], entry["key"]]]


def test_appointments_agree_with_the_reference_date(clinic: Folder) -> None:
    """Each ends after it starts; those to come, and only those, are scheduled; those of the moment are in progress."""
    now = datetime.fromisoformat(clinic.planted["reference"])
    for line, values in clinic.good("appointments"):
        start, end = datetime.fromisoformat(values["Appt Start"]), datetime.fromisoformat(values["Appt End"])
        assert start < end, line
        assert (values["Appt Status"] == "Scheduled") == (start > now), line
        assert (values["Appt Status"] == "In Progress") == (start <= now < end), line


@pytest.mark.parametrize(
    ("name", "field", "form"),
    [
        ("patients", "Date of Birth", "%d/%m/%Y"),
        ("patients", "REGISTERED ON", "%d/%m/%Y %H:%M"),
        ("patients", "Last Updated", "%d/%m/%Y %H:%M"),
        ("prescriptions", "Start", "%d/%m/%Y"),
        ("prescriptions", "End", "%d/%m/%Y"),
        ("billing", "Bill Date", "%d-%b-%Y"),
        ("billing", "Paid On", "%d-%b-%Y"),
        ("insurance_policies", "Cover From", "%d/%m/%Y"),
        ("insurance_policies", "Cover To", "%d/%m/%Y"),
        ("visit_history", "Diagnosed", "%d/%m/%Y"),
        ("visit_history", "Resolved", "%d/%m/%Y"),
        ("clinical_notes", "Written At", "%Y-%m-%d %H:%M"),
        ("messages", "Sent At", "%d/%m/%Y %I:%M %p"),
        ("intake_forms", "Filled On", "%d-%b-%Y"),
        ("documents", "Uploaded On", "%Y-%m-%d %H:%M"),
    ],
)
def test_only_the_listed_dates_are_odd(clinic: Folder, name: str, field: str, form: str) -> None:
    """Every filled date is one in the column's single form, and the day-first order shows from the column itself."""
    odd: set[int] = set()
    days: set[str] = set()
    for line, values in clinic.good(name):
        if values[field] and not _is_in_form(values[field], form):
            odd.add(line)
        elif values[field]:
            days.add(values[field][:2])
    assert odd == clinic.listed(clinic.planted["files"][name], field)
    assert not form.startswith("%d") or max(days) > "12"


def _is_in_form(text: str, form: str) -> bool:
    try:
        return datetime.strptime(text, form).strftime(form) == text  # noqa: DTZ007 (the export has no zone)
    except ValueError:
        return False


def test_bills_add_up_to_the_planted_totals(clinic: Folder) -> None:
    """Balance is amount less paid on each bill, refunds are negative, and the sums are those in PLANTED.json."""
    sums = [Decimal(0)] * 3
    for line, values in clinic.good("billing"):
        amount, paid, balance = (rupees(values[field]) for field in ("Amount (Rs.)", "Paid", "Balance"))
        assert balance == amount - paid, line
        assert (amount < 0) == (values["Payment Status"] == "Refunded"), line
        assert (paid == 0) == (values["Payment Status"] == "Pending") == (values["Paid On"] == ""), line
        sums = [total + part for total, part in zip(sums, (amount, paid, balance), strict=True)]
    assert [str(total) for total in sums] == list(clinic.planted["totals"]["billing"].values())


@pytest.mark.parametrize(
    ("name", "field", "label"),
    [
        ("appointments", "Appt Status", "appointments_by_status"),
        ("billing", "Payment Status", "billing_by_status"),
        ("messages", "Channel", "messages_by_channel"),
        ("campaign_members", "Delivery Status", "campaign_members_by_status"),
    ],
)
def test_values_add_up_to_the_planted_counts(clinic: Folder, name: str, field: str, label: str) -> None:
    """The number of distinct records per value is the planted one."""
    assert dict(sorted(Counter(values[field] for _, values in clinic.good(name)).items())) == clinic.planted["totals"][label]


def test_target_counts_are_the_members(clinic: Folder) -> None:
    """A campaign's target count is the number of its members."""
    members = Counter(values["Campaign Code"] for _, values in clinic.good("campaign_members"))
    assert {values["Campaign Code"]: int(values["Target Count"]) for _, values in clinic.good("campaigns")} == dict(members)


def test_chronic_conditions_are_never_resolved(clinic: Folder) -> None:
    """What the patient master calls chronic, the visit register lists as unresolved."""
    open_ones = {(values["UHID"], values["Diagnosis"]) for _, values in clinic.good("visit_history") if not values["Resolved"]}
    seen = {values["UHID"] for _, values in clinic.good("visit_history")}
    for _, values in clinic.good("patients"):
        for name in values["Chronic Illness"].split("; "):
            assert not name or values["UHID"] not in seen or (values["UHID"], name) in open_ones
