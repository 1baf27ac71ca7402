"""What a clinic migrated into Dynamics 365 Sales must look like, worked out twice: from the CSV files and from Dataverse.

Nothing of Crosswalk's is used. Names of tables and columns are those that the shipped map creates.
"""

import json
from collections.abc import Callable, Iterable
from datetime import datetime
from decimal import Decimal
from functools import cached_property

from clinic_source import Clinic, Measure, bag, instant, lines, same
from dynamics_reader import Json, Reader

SOURCE_ID = "pulse_sourcesystemid"
NO_CARRIER = "NO_INSURANCE"
"""The source's word for no insurer; no company of that name is to be made."""
COMPLETED = 1
"""appointment.statecode (facts/dataverse.md §3.9)."""


class Organization:
    """The organisation's rows, each table read once."""

    def __init__(self, reader: Reader) -> None:
        self.reader = reader
        self.read: dict[str, list[Json]] = {}

    def all(self, table: str) -> list[Json]:
        """Every row; none where there is no such table."""
        if table not in self.read:
            self.read[table] = self.reader.rows(table)
        return self.read[table]

    def ours(self, table: str) -> list[Json]:
        """The rows that carry a source id."""
        return [row for row in self.all(table) if row.get(SOURCE_ID)]

    @cached_property
    def patients(self) -> dict[str, str]:
        """contactid → the patient's id in the source."""
        return {row["contactid"]: row[SOURCE_ID] for row in self.ours("contact")}

    def patient(self, row: Json, lookup: str = "pulse_patientid") -> str:
        """The source id of the patient that a row refers to, "" when there is none."""
        return self.patients.get(row.get(f"_{lookup}_value") or "", "")


def measures(clinic: Clinic, organization: Organization) -> list[Measure]:
    """Every number of the acceptance, source against Dataverse."""
    makers: list[Callable[[Clinic, Organization], Iterable[Measure]]] = [
        _counts,
        _doctors,
        _appointments,
        _prescriptions,
        _payments,
        _insurance,
        _diagnoses,
        _notes,
        _truth,
    ]
    return [measure for make in makers for measure in make(clinic, organization)]


def _counts(clinic: Clinic, organization: Organization) -> Iterable[Measure]:
    for table, kind in (("contact", "Patient"), ("account", "Clinic")):
        expected = ((row["Patient ID"],) for row in clinic.patients(kind))
        yield bag(f"{table}s by source id", expected, ((row[SOURCE_ID],) for row in organization.ours(table)))


def _doctors(clinic: Clinic, organization: Organization) -> Iterable[Measure]:
    """Every doctor is a user of the organisation, by e-mail, or a practitioner row."""
    practitioners = {row[SOURCE_ID] for row in organization.ours("pulse_practitioner")}
    users = {
        str(name).casefold()
        for row in organization.all("systemuser")
        if not row.get("isdisabled")
        for name in (row.get("internalemailaddress"), row.get("domainname"))
        if name
    }
    doctors = clinic.rows("doctors")
    found = (row for row in doctors if row["Doctor ID"] in practitioners or row["Email"].casefold() in users)
    yield bag("doctors: practitioner or user", ((row["Doctor ID"],) for row in doctors), ((row["Doctor ID"],) for row in found))


def _appointments(clinic: Clinic, organization: Organization) -> Iterable[Measure]:
    expected = [
        (row["Appointment ID"], row["Patient ID"], _second(row["Start Time"]), _second(row["End Time"]), "completed")
        for row in clinic.rows("appointments")
    ]
    found = [
        (
            row[SOURCE_ID],
            organization.patient(row, "regardingobjectid"),
            _second(row["scheduledstart"]),
            _second(row["scheduledend"]),
            "completed" if row["statecode"] == COMPLETED else "not completed",
        )
        for row in organization.ours("appointment")
    ]
    yield bag("appointments: id, contact, start, end, completed", expected, found)


def _prescriptions(clinic: Clinic, organization: Organization) -> Iterable[Measure]:
    expected = [(row["Patient ID"], row["Drug Code"], _second(row["Start Date"])) for row in clinic.rows("prescriptions")]
    found = [
        (organization.patient(row), row["pulse_drugcode"] or "", _second(row["pulse_startson"]))
        for row in organization.ours("pulse_prescription")
    ]
    yield bag("prescriptions: contact, drug code, start", expected, found)


def _payments(clinic: Clinic, organization: Organization) -> Iterable[Measure]:
    expected = [(row["Invoice No"], row["Patient ID"], Decimal(row["Total Amount"])) for row in clinic.rows("billing")]
    found = [
        (row[SOURCE_ID], organization.patient(row), Decimal(str(row["pulse_amount"] or 0)))
        for row in organization.ours("pulse_payment")
    ]
    yield bag("payments: id, contact, amount", _priced(expected), _priced(found))
    sums = [f"{sum((row[2] for row in side), Decimal(0)):.2f}" for side in (expected, found)]
    yield same("sum of the payments", *sums)


def _insurance(clinic: Clinic, organization: Organization) -> Iterable[Measure]:
    names = {row["Company Name"] for row in clinic.rows("insurance_companies")} - {NO_CARRIER}
    carriers = [(row["pulse_name"],) for row in organization.ours("pulse_insurancecarrier")]
    yield bag("insurance carriers by name", ((name,) for name in names), carriers)
    expected = [(row["Patient ID"], row["Policy No"]) for row in clinic.rows("insurance_policies")]
    found = [(organization.patient(row), row["pulse_policynumber"] or "") for row in organization.ours("pulse_insurancepolicy")]
    yield bag("policies: contact, number", expected, found)


def _diagnoses(clinic: Clinic, organization: Organization) -> Iterable[Measure]:
    expected = [(row["Patient ID"], row["SNOMED Code"], row["Diagnosed On"]) for row in clinic.rows("visit_history")]
    found = [
        (organization.patient(row), row["pulse_code"] or "", row["pulse_diagnosedon"] or "")
        for row in organization.ours("pulse_diagnosis")
    ]
    yield bag("diagnoses: contact, SNOMED code, date", expected, found)


def _notes(clinic: Clinic, organization: Organization) -> Iterable[Measure]:
    """Notes stand below their contact; the source's text is the annotation's, after a first line of ours."""
    expected = [
        (row["Patient ID"], _second(row["Written On"]), lines(row["Note"]).strip()) for row in clinic.rows("clinical_notes")
    ]
    found = [
        (organization.patient(row, "objectid"), _second(row["createdon"]), lines(row["notetext"] or "").partition("\n")[2].strip())
        for row in organization.all("annotation")
        if organization.patient(row, "objectid")
    ]
    yield bag("notes: contact, time, text", expected, found)


def _truth(clinic: Clinic, organization: Organization) -> Iterable[Measure]:
    """Where the export comes with its numbers worked out beforehand, they count as well."""
    path = clinic.folder / "TRUTH.json"
    if not path.is_file():
        return
    truth = json.loads(path.read_text())
    rows, kinds = truth["rows"], truth["patients_by_type"]
    paid = sum((Decimal(str(row["pulse_amount"] or 0)) for row in organization.ours("pulse_payment")), Decimal(0))
    for name, expected, table in (
        ("contacts", kinds["Patient"], "contact"),
        ("accounts", kinds["Clinic"], "account"),
        ("appointments", rows["appointments"], "appointment"),
        ("prescriptions", rows["prescriptions"], "pulse_prescription"),
        ("payments", rows["billing"], "pulse_payment"),
        ("carriers", truth["insurance_company_names"] - 1, "pulse_insurancecarrier"),
        ("policies", rows["insurance_policies"], "pulse_insurancepolicy"),
        ("diagnoses", rows["visit_history"], "pulse_diagnosis"),
    ):
        yield same(f"TRUTH.json: {name}", expected, len(organization.ours(table)))
    yield same("TRUTH.json: sum of the payments", truth["sum_total_amount"], f"{paid:.2f}")


def _priced(rows: Iterable[tuple[str, str, Decimal]]) -> Iterable[tuple[str, ...]]:
    return ((key, patient, f"{amount:.2f}") for key, patient, amount in rows)


def _second(text: str | None) -> str:
    """A moment in UTC to the second, as Dataverse keeps it (cut, not rounded); "" for none."""
    if not text:
        return ""
    moment = instant(text)
    return datetime.fromisoformat(moment).replace(microsecond=0).isoformat()
