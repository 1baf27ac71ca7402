"""What a migrated clinic must look like, worked out twice: from the source's CSV files and from the CRM's answers.

Nothing of Crosswalk's is used. A measure holds the same thing from both sides: a count, an exact sum, or a bag of facts
whose every member must be on the other side as well.
"""

import re
from collections.abc import Callable, Iterable
from decimal import Decimal
from typing import Any, cast

from clinic_source import Clinic, Measure, bag, instant, lines, same
from twenty_reader import Json, Reader

DIAGNOSIS = re.compile(r"^- (\S+): .*\(SNOMED ([^)]+)\)", re.MULTILINE)
PRESCRIPTION = re.compile(r"^(\S+(?: \d\d:\d\d\S*)?) \| (\S*) \| ", re.MULTILINE)


class Crm:
    """The CRM's rows, each object read once; `people` and the like are by their own id."""

    def __init__(self, reader: Reader) -> None:
        self.reader = reader
        self.read: dict[str, dict[str, Json]] = {}
        self.names = {item["namePlural"] for item in reader.objects()}

    def all(self, plural: str) -> dict[str, Json]:
        """Rows by id; none where the workspace has no such object."""
        if plural not in self.read:
            self.read[plural] = {row["id"]: row for row in self.reader.rows(plural)} if plural in self.names else {}
        return self.read[plural]

    def ours(self, plural: str) -> list[Json]:
        """The rows that carry a source id."""
        return [row for row in self.all(plural).values() if row.get("sourceSystemId")]

    def source_id(self, plural: str, row_id: str | None) -> str:
        """The source id of a row that another refers to, "" when there is none."""
        return (self.all(plural).get(row_id or "") or {}).get("sourceSystemId") or ""

    def linked(self, plural: str, target: str) -> dict[str, list[str]]:
        """Note or task id → source ids of the people its target rows name."""
        found: dict[str, list[str]] = {}
        for row in self.all(plural).values():
            person = row.get("targetPersonId") or row.get("personId")
            if person:
                found.setdefault(row[target], []).append(self.source_id("people", person))
        return found


def measures(clinic: Clinic, crm: Crm, baseline: int) -> list[Measure]:
    """Every number of the acceptance, source against CRM; `baseline` rows of people and of companies were there before."""
    makers: list[Callable[[], Iterable[Measure]]] = [
        lambda: _counts(clinic, crm, baseline),
        lambda: _appointments(clinic, crm),
        lambda: _bills(clinic, crm),
        lambda: [_prescriptions(clinic, crm)],
        lambda: _notes(clinic, crm),
        lambda: _policies(clinic, crm),
        lambda: _pins(clinic, crm),
    ]
    return [measure for make in makers for measure in make()]


def _counts(clinic: Clinic, crm: Crm, baseline: int) -> Iterable[Measure]:
    pairs = (("people", "Patient"), ("companies", "Clinic"))
    for plural, kind in pairs:
        yield bag(f"{plural} by source id", ((row["Patient ID"],) for row in clinic.patients(kind)), _ids(crm, plural))
        yield same(f"{plural} that were there before", baseline, len(crm.all(plural)) - len(crm.ours(plural)))
    yield bag("physicians by source id", ((row["Doctor ID"],) for row in clinic.rows("doctors")), _ids(crm, "physicians"))


def _appointments(clinic: Clinic, crm: Crm) -> Iterable[Measure]:
    people = crm.linked("taskTargets", "taskId")
    expected = [
        (row["Appointment ID"], row["Patient ID"], instant(row["Start Time"]), instant(row["End Time"]))
        for row in clinic.rows("appointments")
    ]
    found = [
        (row["sourceSystemId"], _one(people.get(row["id"])), instant(row["startsAt"]), instant(row["endsAt"]))
        for row in crm.ours("tasks")
    ]
    yield bag("tasks: id, person, start, end", expected, found)


def _bills(clinic: Clinic, crm: Crm) -> Iterable[Measure]:
    rows = [(row["Invoice No"], row["Patient ID"], Decimal(row["Total Amount"])) for row in clinic.rows("billing")]
    found = [
        (row["sourceSystemId"], crm.source_id("people", row["patientId"]), _money(row["amount"]))
        for row in crm.ours("billingLedgers")
    ]
    yield bag("ledger rows: id, person, amount", ((*key, f"{amount:.2f}") for *key, amount in rows), _priced(found))
    yield same("sum of the ledger's amounts", sum(row[2] for row in rows), f"{sum((row[2] for row in found), Decimal(0)):.2f}")


def _prescriptions(clinic: Clinic, crm: Crm) -> Measure:
    """On the person, a line each, or records of their own: whichever the map chose."""
    expected = [(row["Patient ID"], row["Drug Code"], instant(row["Start Date"])) for row in clinic.rows("prescriptions")]
    if crm.all("prescriptions"):
        found = [
            (crm.source_id("people", row["patientId"]), row["drugCode"], instant(row["startsAt"]))
            for row in crm.ours("prescriptions")
        ]
    else:
        found = [
            (row["sourceSystemId"], code, instant(start))
            for row in crm.ours("people")
            for start, code in PRESCRIPTION.findall(row.get("prescriptionHistory") or "")
        ]
    return bag("prescriptions: person, drug code, start", expected, found)


def _notes(clinic: Clinic, crm: Crm) -> Iterable[Measure]:
    people = crm.linked("noteTargets", "noteId")
    expected = [(row["Patient ID"], row["SNOMED Code"], row["Diagnosed On"]) for row in clinic.rows("visit_history")]
    found: list[tuple[str, ...]] = []
    clinical: list[tuple[str, ...]] = []
    for row in crm.ours("notes"):
        kind, _, key = row["sourceSystemId"].partition(":")
        text = str(cast(Json, row.get("bodyV2") or {}).get("markdown") or "")
        person = _one(people.get(row["id"]))
        if kind == "visit":
            found += [(person, code, day) for day, code in DIAGNOSIS.findall(text)]
        elif kind == "note":
            clinical.append((key, person, instant(row["createdAt"]), text.strip()))
    yield bag("diagnoses: person, SNOMED code, date", expected, found)
    notes = [
        (row["Note ID"], row["Patient ID"], instant(row["Written On"]), row["Note"].strip())
        for row in clinic.rows("clinical_notes")
    ]
    yield bag("clinical notes: id, person, time, text", ((*key, lines(text)) for *key, text in notes), _texts(clinical))


def _policies(clinic: Clinic, crm: Crm) -> Iterable[Measure]:
    expected = [(row["Patient ID"], row["Policy No"], row["Insurance Company"]) for row in clinic.rows("insurance_policies")]
    found = [
        (crm.source_id("people", row["patientId"]), row["policyNumber"] or "", row["insuranceCompany"] or "")
        for row in crm.ours("insurancePolicies")
    ]
    yield bag("policies: person, number, company", expected, found)


def _pins(clinic: Clinic, crm: Crm) -> Iterable[Measure]:
    expected = [(row["Patient ID"], row["PIN Code"]) for row in clinic.patients("Patient") if row["PIN Code"]]
    found = [(row["sourceSystemId"], row["pinCode"]) for row in crm.ours("people") if row["pinCode"]]
    yield bag("PIN codes of people", expected, found)
    zeros = [sum(pin.startswith("0") for _, pin in side) for side in (expected, found)]
    yield same("PIN codes with a leading zero", *zeros)


def _ids(crm: Crm, plural: str) -> Iterable[tuple[str, ...]]:
    return ((row["sourceSystemId"],) for row in crm.ours(plural))


def _priced(rows: Iterable[tuple[str, str, Decimal]]) -> Iterable[tuple[str, ...]]:
    return ((key, person, f"{amount:.2f}") for key, person, amount in rows)


def _texts(rows: Iterable[tuple[str, ...]]) -> Iterable[tuple[str, ...]]:
    return ((*row[:-1], lines(row[-1])) for row in rows)


def _one(people: list[str] | None) -> str:
    """The one person something is linked to; anything but one is told apart."""
    return people[0] if people and len(people) == 1 else f"{len(people or [])} people"


def _money(value: Any) -> Decimal:
    """Exact: micros are whole numbers (facts/twenty.md §6)."""
    return Decimal(value["amountMicros"] or 0) / 1_000_000 if value else Decimal(0)
