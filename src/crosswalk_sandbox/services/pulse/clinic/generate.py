"""Makes the clinic: patient by patient, each with everything that hangs on it, then PLANTED.json as the last file."""

import json
import math
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import timedelta
from itertools import count
from pathlib import Path
from typing import Any

from crosswalk_sandbox.services.pulse.clinic import attachments, medicine, organisation, outreach, people, tables, visits, words
from crosswalk_sandbox.services.pulse.clinic.export import Export, Format
from crosswalk_sandbox.services.pulse.clinic.ledger import Mark, Row
from crosswalk_sandbox.services.pulse.clinic.people import Clinic, Person
from crosswalk_sandbox.services.pulse.clinic.visits import Visit

PLANTED = "PLANTED.json"
MEMBERS = ("mehta@clinic.test", "iyer@clinic.test")
"""Doctors' addresses that are members of the sandbox CRM."""
READING = (
    "line: where the record begins, from 1, header and preamble counted; in a workbook the sheet's row. "
    "rows: records incl. folded and damaged, without blank ones. "
    "objects, totals, count: distinct records, neither folded nor damaged. "
    "count above 1: an everyday variation, line and key are the first of them. folded: the line is the row that gives way."
)


class FolderNotEmptyError(Exception):
    """The output folder already holds something."""


@dataclass(slots=True)
class _Serials:
    """Running numbers of what has a number, and what is counted on the way."""

    appointment: Iterator[int] = field(default_factory=lambda: count(1))
    bill: Iterator[int] = field(default_factory=lambda: count(1))
    note: Iterator[int] = field(default_factory=lambda: count(1))
    message: Iterator[int] = field(default_factory=lambda: count(1))
    targets: Counter[str] = field(default_factory=lambda: Counter[str]())
    documents: int = 0
    damaged: list[str] = field(default_factory=lambda: ["document_missing", "document_empty"])
    """Which kinds of damaged document are still to come."""


def generate(folder: Path, patients: int = 200, seed: int = 7, form: Format = "csv") -> dict[str, Any]:
    """Write the export folder and answer what PLANTED.json holds. The same arguments give the same bytes.

    Raises ValueError for a size out of range, FolderNotEmptyError, NotPlantedError and SheetFullError (xlsx only).
    """
    if not people.PATIENTS_MIN <= patients <= people.PATIENTS_MAX:
        raise ValueError(f"{patients} patients: choose between {people.PATIENTS_MIN} and {people.PATIENTS_MAX:,}.")
    if folder.exists() and any(folder.iterdir()):
        raise FolderNotEmptyError(f"{folder} is not empty. Name a new folder, or empty it first.")
    (folder / "documents").mkdir(parents=True, exist_ok=True)
    clinic = Clinic(seed, patients)
    export = Export(folder, patients, seed, form)
    serials = _Serials()
    _write_masters(clinic, export)
    partner_turn = math.ceil(patients / 3)
    for index in range(patients):
        if index == partner_turn:
            _write_clinics(clinic, export, 4, 6)
        _write_patient(clinic, export, folder, people.person(clinic, index), serials)
    for row in outreach.campaign_rows(clinic, serials.targets):
        export.put(tables.CAMPAIGNS, row, patients)
    export.close()
    planted = _planted(clinic, export, form, serials)
    # Written last: a folder with this file in it is complete.
    (folder / PLANTED).write_text(json.dumps(planted, ensure_ascii=False, indent=1) + "\n", encoding="utf-8")
    return planted


def _write_masters(clinic: Clinic, export: Export) -> None:
    _write_clinics(clinic, export, 0, 4)
    for row in organisation.staff_rows():
        export.put(tables.DOCTORS, row, 0)
    for row in organisation.company_rows():
        export.put(tables.COMPANIES, row, 0)


def _write_clinics(clinic: Clinic, export: Export, first: int, end: int) -> None:
    for number in range(first, end):
        export.put(tables.PATIENTS, organisation.clinic_row(clinic, number), 0)


def _write_patient(clinic: Clinic, export: Export, folder: Path, who: Person, serials: _Serials) -> None:
    index = who.index
    export.put(tables.PATIENTS, people.patient_row(who), index)
    made = visits.visits(clinic, who, serials.appointment)
    attached = _write_documents(clinic, export, folder, who, made, serials)
    first = visits.pick(made, lambda visit: visit.completed)
    for visit in made:
        export.put(tables.APPOINTMENTS, visits.appointment_row(who, visit), index)
        if visit.completed:
            _write_care(clinic, export, who, visit, visit is first, attached, serials)
    groups = (
        (tables.POLICIES, outreach.policy_rows(who)),
        (tables.INTAKE, [outreach.intake_row(who)] if index % 5 != 4 else []),
        (tables.MESSAGES, outreach.message_rows(clinic, who, serials.message)),
        (tables.MEMBERS, outreach.member_rows(who, serials.targets)),
    )
    for spec, rows in groups:
        for row in rows:
            export.put(spec, row, index)


def _write_care(clinic: Clinic, export: Export, who: Person, visit: Visit, first: bool, attached: str, serials: _Serials) -> None:
    """What a completed visit leaves behind. The first carries the chronic diagnoses and the note with the document."""
    groups = (
        (tables.HISTORY, visits.history_rows(clinic, who, visit, first)),
        (tables.PRESCRIPTIONS, visits.prescription_rows(who, visit)),
        (tables.BILLING, [visits.bill_row(clinic, who, visit, serials.bill)]),
    )
    for spec, rows in groups:
        for row in rows:
            export.put(spec, row, who.index)
    with_document = first and bool(attached)
    if with_document or who.rng.random() < 0.22:
        number = f"NOTE-{next(serials.note):06d}"
        export.put(tables.NOTES, visits.note_row(who, visit, number, attached if with_document else ""), who.index)


def _write_documents(clinic: Clinic, export: Export, folder: Path, who: Person, made: list[Visit], serials: _Serials) -> str:
    """Documents of every fifth patient; answers with the name of the one that a note shall carry, if any."""
    visit = visits.pick(made, lambda visit: visit.completed)
    if who.index % 5 != 2 or visit is None:
        return ""
    attached = ""
    for place in range(1 + who.index % 3 % 2):
        kind, word, suffix = medicine.DOCUMENT_KINDS[(who.index // 5 + place) % len(medicine.DOCUMENT_KINDS)]
        name = f"{who.uhid}_{word}_{place + 1}.{suffix}"
        on_note = place == 0 and who.index % 10 == 2
        marks = () if on_note else _damage(clinic, who, serials)
        uploaded = f"{visit.start + timedelta(minutes=40 + place):%Y-%m-%d %H:%M}"
        _write_file(folder / "documents" / name, kind, who, uploaded, marks)
        serials.documents += not any(mark.kind == "document_missing" for mark in marks)
        export.put(tables.DOCUMENTS, Row(name, [who.uhid, name, kind, uploaded], marks), who.index)
        attached = name if on_note else attached
    return attached


def _damage(clinic: Clinic, who: Person, serials: _Serials) -> tuple[Mark, ...]:
    """One document that is not there and one without a byte, at about two and four fifths of the patients."""
    if not serials.damaged or who.index < clinic.patients * (4 - 2 * (len(serials.damaged) - 1)) / 5:
        return ()
    kind = serials.damaged.pop(0)
    note = "the folder has no such file" if kind == "document_missing" else "the file has no byte"
    return (Mark(kind, "File Name", "finding", note),)


def _write_file(path: Path, kind: str, who: Person, uploaded: str, marks: tuple[Mark, ...]) -> None:
    damage = {mark.kind for mark in marks}
    if "document_missing" in damage:
        return
    if "document_empty" in damage:
        path.write_bytes(b"")
    elif path.suffix == ".png":
        path.write_bytes(attachments.png(who.index))
    else:
        path.write_bytes(
            attachments.pdf(
                ["Sanjeevani Clinic", kind, f"UHID {who.uhid}", f"Uploaded {uploaded}", "Specimen (not a real patient)"]
            )
        )


def _planted(clinic: Clinic, export: Export, form: Format, serials: _Serials) -> dict[str, Any]:
    ledger = export.ledger
    shared = Counter(member[5] for member in words.STAFF)
    owners = {
        "matched": {member[5]: member[0] for member in words.STAFF if member[5] in MEMBERS},
        "shared": {
            member[5]: [other[0] for other in words.STAFF if other[5] == member[5]]
            for member in words.STAFF
            if shared[member[5]] > 1
        },
        "unmatched": [member[0] for member in words.STAFF if member[5] not in MEMBERS and shared[member[5]] == 1],
    }
    return {
        "seed": clinic.seed,
        "patients": clinic.patients,
        "format": form,
        "reference": f"{clinic.reference:%Y-%m-%dT%H:%M:%S}",
        "timezone": "Asia/Kolkata",
        "country": "IN",
        "currency": "INR",
        "reading": READING,
        "files": export.files,
        "rows": dict(ledger.rows),
        "blank_rows": dict(ledger.blank_rows),
        "objects": dict(sorted(ledger.objects.items())),
        "document_files": serials.documents,
        "owners": owners,
        "totals": ledger.totals(),
        "dirt": ledger.dirt,
    }
