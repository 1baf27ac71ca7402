"""What happens to a patient at the clinic: appointments, and from the completed ones diagnoses, prescriptions, bills and notes."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime, time, timedelta

from crosswalk_sandbox.services.pulse.clinic import medicine, words
from crosswalk_sandbox.services.pulse.clinic.ledger import Mark, Row
from crosswalk_sandbox.services.pulse.clinic.people import Clinic, Person

FEES = (300_00, 350_00, 400_00, 500_00, 600_00, 800_00, 1_250_00, 1_499_50, 2_100_00)
"""In paise."""


@dataclass(frozen=True, slots=True)
class Visit:
    """An appointment before it is written down."""

    number: str
    doctor: str
    start: datetime
    end: datetime
    kind: str
    status: str

    @property
    def completed(self) -> bool:
        """Whether anything was done, and may be billed."""
        return self.status == "Completed"


def visits(clinic: Clinic, who: Person, serial: Iterator[int]) -> list[Visit]:
    """The patient's appointments in order: 7 to 10, none for a few patients, some in the future and then scheduled."""
    if who.index % 67 == 66:
        return []
    rng, today = who.rng, clinic.reference.date()
    first = who.registered.date() + timedelta(days=1)
    days = [first + timedelta(days=day) for day in rng.sample(range((today - first).days + 45), rng.randint(7, 10))]
    if who.index % 40 == 5:
        days[0] = today
    return [_visit(clinic, who, datetime.combine(day, time(9)), f"APT-{next(serial):07d}") for day in sorted(set(days))]


def _visit(clinic: Clinic, who: Person, day: datetime, number: str) -> Visit:
    rng = who.rng
    start = day + timedelta(minutes=15 * rng.randrange(40))
    length = timedelta(minutes=rng.choice((15, 20, 30, 45)))
    if day.date() == clinic.reference.date():
        start, length, status = clinic.reference - timedelta(minutes=15), timedelta(minutes=30), "In Progress"
    elif start > clinic.reference:
        status = "Scheduled"
    else:
        status = rng.choices(("Completed", "Cancelled", "No-show"), (82, 10, 8))[0]
    doctor = words.STAFF[who.doctor if rng.random() < 0.7 else rng.randrange(12)][0]
    return Visit(number, doctor, start, start + length, rng.choice(medicine.VISIT_TYPES), status)


def appointment_row(who: Person, visit: Visit) -> Row:
    """The line in the appointment book."""
    reason = who.rng.choice(medicine.REASONS)
    cells = [visit.number, who.uhid, visit.doctor, who.branch, f"{visit.start:%Y-%m-%d %H:%M}", f"{visit.end:%Y-%m-%d %H:%M}"]
    return Row(visit.number, [*cells, visit.kind, reason, visit.status])


def history_rows(clinic: Clinic, who: Person, visit: Visit, first: bool) -> list[Row]:
    """Diagnoses of a completed visit: the chronic ones at the first, never resolved; acute ones resolved within weeks."""
    rng = who.rng
    found = [(code, name, "") for code, name in who.chronic] if first else []
    if rng.random() < 0.6:
        code, name = rng.choice(medicine.ACUTE)
        resolved = visit.start + timedelta(days=rng.randrange(4, 28))
        found.append((code, name, f"{resolved:%d/%m/%Y}" if resolved < clinic.reference else ""))
    day = f"{visit.start:%d/%m/%Y}"
    return [
        Row(
            f"{visit.number} | {code}",
            [who.uhid, visit.number, visit.doctor, day, resolved, code, name, rng.choice(medicine.VISIT_REMARKS)],
        )
        for code, name, resolved in found
    ]


def prescription_rows(who: Person, visit: Visit) -> list[Row]:
    """Medicines of a completed visit, each drug once; some open-ended. They have no number of their own."""
    rng = who.rng
    rows: list[Row] = []
    for code, medicine_name in rng.sample(medicine.MEDICINES, rng.choice((0, 1, 1, 2))):
        start = visit.start.date()
        end = "" if rng.random() < 0.15 else f"{start + timedelta(days=rng.choice((3, 5, 7, 10, 30))):%d/%m/%Y}"
        cells = [who.uhid, visit.number, code, medicine_name, rng.choice(medicine.DOSAGES), f"{start:%d/%m/%Y}", end, visit.doctor]
        marks = (Mark("code_leading_zero", "Drug Code", "kept", "codes stay text with their zeros", counted=True),)
        rows.append(Row(f"{visit.number} | {code}", cells, marks))
    return rows


def bill_row(clinic: Clinic, who: Person, visit: Visit, serial: Iterator[int]) -> Row:
    """The bill of a completed visit; a few are procedures of some lakh rupees, a few are refunds and negative."""
    rng = who.rng
    year = visit.start.year - (visit.start.month < 4)
    number = f"INV/{year % 100}-{(year + 1) % 100}/{next(serial):06d}"
    amount = rng.randrange(1_00_000, 4_50_000) * 100 + rng.choice((0, 50)) if rng.random() < 0.03 else rng.choice(FEES)
    status = rng.choices(("Paid", "Part-paid", "Pending", "Refunded"), (79, 8, 9, 4))[0]
    amount = -amount if status == "Refunded" else amount
    paid = {"Paid": amount, "Refunded": amount, "Pending": 0}.get(status, amount // 200 * 100)
    marks: list[Mark] = []
    insurer = words.COMPANIES[who.company][1] if who.company is not None and rng.random() < 0.4 else ""
    paid_on = min(visit.start + timedelta(days=rng.choice((0, 0, 0, 2, 9))), clinic.reference)
    cells = [
        number,
        who.uhid,
        visit.number,
        f"{visit.start:%d-%b-%Y}",
        _amount_spelled(amount, rng.randrange(100), marks),
        _plain(paid),
        _plain(amount - paid),
        status,
        "" if status == "Pending" else f"{paid_on:%d-%b-%Y}",
        insurer,
        "" if status == "Pending" else "Insurance" if insurer else rng.choice(("UPI", "Cash", "Card")),
    ]
    return Row(number, cells, tuple(marks), paise=(amount, paid, amount - paid))


def _plain(paise: int) -> str:
    return f"{'-' if paise < 0 else ''}{abs(paise) // 100}.{abs(paise) % 100:02d}"


def rupees(paise: int) -> str:
    """With lakh grouping: the last three digits, then pairs.

    >>> rupees(123456750), rupees(-99900)
    ('12,34,567.50', '-999.00')
    """
    whole, tail = f"{abs(paise) // 100}", f".{abs(paise) % 100:02d}"
    head, last = whole[:-3], whole[-3:]
    pairs: list[str] = []
    while head:
        pairs.insert(0, head[-2:])
        head = head[:-2]
    return ("-" if paise < 0 else "") + ",".join([*pairs, last]) + tail


def _amount_spelled(paise: int, dice: int, marks: list[Mark]) -> str:
    """The amount as somebody typed it: plain, grouped, with a sign, in brackets when negative."""

    def varied(kind: str, note: str) -> None:
        marks.append(Mark(kind, "Amount (Rs.)", "kept", note, counted=True))

    if abs(paise) >= 1_00_000_00:
        varied("amount_lakh_grouping", "commas after three digits, then after two")
    if paise < 0:
        varied("amount_negative", "a refund, below zero")
        if dice % 3 == 0:
            varied("amount_brackets", "negative, shown by brackets")
            return f"({rupees(-paise)})"
        return rupees(paise)
    if paise >= 1_00_000_00:
        if dice % 2:
            varied("amount_currency_sign", "a currency sign in the cell")
            return f"₹{rupees(paise)}"
        return rupees(paise)
    if dice < 12:
        varied("amount_currency_sign", "a currency sign in the cell")
        return f"₹ {rupees(paise)}"
    if dice < 24 and paise % 100 == 0:
        varied("amount_currency_sign", "a currency sign in the cell")
        return f"Rs. {rupees(paise)[:-3]}/-"
    return rupees(paise) if dice < 50 else _plain(paise)


def note_row(who: Person, visit: Visit, number: str, attached: str) -> Row:
    """A clinical note in Markdown, with the name of a document where one belongs to it."""
    rng = who.rng
    kind = rng.choice(medicine.NOTE_KINDS)
    findings = "\n".join(f"- {finding}" for finding in rng.sample(medicine.FINDINGS, rng.randint(1, 3)))
    plans = "\n".join(f"{place}. {plan}" for place, plan in enumerate(rng.sample(medicine.PLANS, rng.randint(1, 2)), start=1))
    chronic = "".join(f"\n- known {name.lower()}" for _, name in who.chronic)
    text = f'# {kind}\n\n**Seen** {visit.start:%d %B %Y}, "{visit.kind.lower()}"\n\n{findings}{chronic}\n\n## Plan\n{plans}'
    written = visit.end + timedelta(minutes=rng.randrange(5, 50))
    return Row(number, [number, who.uhid, visit.number, visit.doctor, f"{written:%Y-%m-%d %H:%M}", kind, text, attached])


def pick(visits_made: list[Visit], wanted: Callable[[Visit], bool]) -> Visit | None:
    """The first appointment that is wanted, if any."""
    return next((visit for visit in visits_made if wanted(visit)), None)
