"""The clinic itself: branches and referring partners, staff and insurance companies."""

from datetime import datetime, timedelta

from crosswalk_sandbox.services.pulse.clinic import words
from crosswalk_sandbox.services.pulse.clinic.ledger import Mark, Row
from crosswalk_sandbox.services.pulse.clinic.people import Clinic


def clinic_row(clinic: Clinic, number: int) -> Row:
    """A branch or referring partner clinic, which lives in the patient master behind the record type."""
    code, kind, name, phone, box, street, city_number, pin_end = words.BRANCHES[number]
    city, state, pin = words.CITIES[city_number]
    opened = datetime(2016, 4, 1 + number, 10, 0)  # noqa: DTZ001 (local time without a zone, as the export has it)
    cells = [code, kind, name, "", "", phone, f"{box}@example.org", f"No. {number + 11}, {street}", city, state, pin + pin_end]
    cells += [""] * 12 + [f"{opened:%d/%m/%Y %H:%M}", f"{clinic.reference - timedelta(days=90):%d/%m/%Y %H:%M}"]
    return Row(code, cells, protected=True)


def staff_rows() -> list[Row]:
    """Doctors and other staff, those who share an address marked."""
    rows: list[Row] = []
    for member in words.STAFF:
        sharing = tuple(other[0] for other in words.STAFF if other[5] == member[5] and other[0] != member[0])
        note = "two doctors share this address: it can match nobody"
        marks = (Mark("doctor_email_shared", "Official E-mail", "finding", note, related=sharing),) if sharing else ()
        rows.append(Row(member[0], list(member), marks, protected=True))
    return rows


def company_rows() -> list[Row]:
    """The insurance companies."""
    phones = ("1800 425 2255", "1800 102 4477", "1800 209 5858", "080 4022 3344", "080 2235 1122", "1800 425 4033", "1800 425 1177")
    return [Row(item[0], [*item[:6], phone], protected=True) for item, phone in zip(words.COMPANIES, phones, strict=True)]
