"""What goes between clinic and patient: registration form, policies, messages and campaigns."""

import random
from collections import Counter
from collections.abc import Iterator
from datetime import timedelta

from crosswalk_sandbox.services.pulse.clinic import medicine, words
from crosswalk_sandbox.services.pulse.clinic.ledger import Mark, Row
from crosswalk_sandbox.services.pulse.clinic.people import STRIDE, Clinic, Person, policy_number
from crosswalk_sandbox.services.pulse.clinic.visits import rupees


def policy_rows(who: Person) -> list[Row]:
    """The policy the patient master names, and for some an older one with another company."""
    if who.company is None:
        return []
    rng, year = who.rng, who.registered.year
    rows = [_policy_row(who, who.company, who.policy, year, rng)]
    if rng.random() < 0.25 and who.born.year < year - 2:
        older = (who.company + 1) % len(words.COMPANIES)
        rows.append(_policy_row(who, older, policy_number(older, year - 2, who.index, 2), year - 2, rng))
    return rows


def _policy_row(who: Person, company: int, number: str, year: int, rng: random.Random) -> Row:
    code, name = words.COMPANIES[company][:2]
    start = who.registered.date().replace(year=year, day=min(who.registered.day, 28))
    end = start.replace(year=year + 1) - timedelta(days=1)
    insured = rupees(rng.choice((2, 3, 5, 10, 25)) * 1_00_000_00)[:-3]
    relation = rng.choice(("Self", "Self", "Spouse", "Parent", "Child"))
    cells = [who.uhid, number, code, name, who.group, f"{start:%d/%m/%Y}", f"{end:%d/%m/%Y}", insured, relation]
    return Row(f"{who.uhid} | {number}", cells)


def intake_row(who: Person) -> Row:
    """The registration form: emergency contact, insurance, consent and where the patient heard of the clinic."""
    rng = who.rng
    relation = rng.choice(words.RELATIONS)
    contact = f"{rng.choice(words.FEMALE_NAMES if rng.random() < 0.5 else words.MALE_NAMES)} {who.family}"
    phone = f"{words.MOBILE_PREFIXES[(who.index + 3) % 8]}{(who.index * STRIDE + 91_357) % 100_000:05d}"
    filled = f"{who.registered:%d-%b-%Y}"
    company = "" if who.company is None else words.COMPANIES[who.company][1]
    consent = rng.choices(("Yes", "No"), (97, 3))[0]
    cells = [who.uhid, filled, contact, relation, phone, company, who.policy, consent, rng.choice("YYYN")]
    return Row(f"{who.uhid} | {filled}", [*cells, rng.choice(words.REFERRAL_SOURCES)])


def message_rows(clinic: Clinic, who: Person, serial: Iterator[int]) -> list[Row]:
    """One to three messages. Of WhatsApp only the fact is exported, never the text (facts/pulse.md, "Fields and modules")."""
    rng = who.rng
    minutes = int((clinic.reference - who.registered).total_seconds()) // 60
    rows: list[Row] = []
    for _ in range(rng.randint(1, 3)):
        outgoing = rng.random() < 0.65
        channel = rng.choices(("SMS", "E-mail", "WhatsApp"), (60, 20, 20))[0]
        sender = words.STAFF[rng.choice((12, 13, who.doctor))][1] if outgoing else who.name
        text = rng.choice(medicine.MESSAGES_OUT if outgoing else medicine.MESSAGES_IN)
        marks: tuple[Mark, ...] = ()
        if channel == "WhatsApp":
            note = "WhatsApp: that it was sent is exported, its text is not"
            text, marks = "", (Mark("message_without_text", "Message", "kept", note, counted=True),)
        sent = who.registered + timedelta(minutes=rng.randrange(minutes))
        number = f"MSG-{next(serial):07d}"
        direction = "Outgoing" if outgoing else "Incoming"
        rows.append(Row(number, [number, who.uhid, direction, sender, f"{sent:%d/%m/%Y %I:%M %p}", channel, text], marks))
    return rows


def member_rows(who: Person, targets: Counter[str]) -> list[Row]:
    """The campaigns the patient was part of; `targets` counts them per campaign."""
    rows: list[Row] = []
    for code, *_ in who.rng.sample(medicine.CAMPAIGNS, who.rng.choice((0, 1, 1, 2))):
        targets[code] += 1
        status = who.rng.choices(medicine.MEMBER_STATUSES, (55, 20, 15, 6, 4))[0]
        rows.append(Row(f"{code} | {who.uhid}", [code, who.uhid, status]))
    return rows


def campaign_rows(clinic: Clinic, targets: Counter[str]) -> list[Row]:
    """The campaigns, the last one still to come, each with the number of patients it was aimed at."""
    rows: list[Row] = []
    for place, (code, name, channel, content) in enumerate(medicine.CAMPAIGNS):
        when = clinic.reference + timedelta(days=14 - 60 * (len(medicine.CAMPAIGNS) - 1 - place))
        rows.append(Row(code, [code, name, channel, f"{when:%Y-%m-%d %H:%M}", content, str(targets[code])]))
    return rows
