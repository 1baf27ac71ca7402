"""The patients of the demo clinic, each made from the seed and a number alone."""

import random
from dataclasses import dataclass, replace
from datetime import date, datetime, time, timedelta
from functools import cached_property

from crosswalk_sandbox.services.pulse.clinic import words
from crosswalk_sandbox.services.pulse.clinic.ledger import Mark, Row
from crosswalk_sandbox.services.pulse.clinic.medicine import CHRONIC

DAYS_OF_BIRTH = 85 * 365
ADULT = 22
STRIDE = 7919
"""A prime that shares no factor with DAYS_OF_BIRTH or 100,000, so that i → i × STRIDE repeats nothing within them."""
PATIENTS_MIN, PATIENTS_MAX = 200, 150_000
"""Above the maximum, name and birth date together could repeat (five Tamil names × DAYS_OF_BIRTH days)."""


@dataclass(frozen=True)
class Clinic:
    """What the whole generation depends on."""

    seed: int
    patients: int

    @cached_property
    def reference(self) -> datetime:
        """The moment of the export, noon of a day that the seed chooses: only later appointments are scheduled."""
        return datetime.combine(date(2025, 6, 2) + timedelta(days=self.seed % 28), time(12))


@dataclass(frozen=True, slots=True)
class Person:
    """A patient before it is written down. `company` indexes words.COMPANIES; `rng` is for all that follows."""

    index: int
    uhid: str
    name: str
    female: bool
    born: date
    registered: datetime
    updated: datetime
    phone: str
    email: str
    family: str
    company: int | None
    policy: str
    group: str
    doctor: int
    branch: str
    chronic: tuple[tuple[str, str], ...]
    marks: tuple[Mark, ...]
    protected: bool
    rng: random.Random


def person(clinic: Clinic, index: int) -> Person:
    """The patient with that number (from 0), the same whenever and in whatever order it is asked for."""
    made = _person(clinic, index)
    shared_from, shared_by, twin_of, twin = _pairs(clinic.patients)
    if index == shared_by:
        other = _person(clinic, shared_from)
        note = "a relative's address, already on an earlier patient"
        name = f"{made.name.removesuffix(made.family)}{other.family}" if made.name.endswith(made.family) else made.name
        marks = tuple(mark for mark in made.marks if mark.field != "E-mail ID")
        marks = (*marks, Mark("email_shared", "E-mail ID", "finding", note, related=(other.uhid,)))
        return replace(made, name=name, family=other.family, email=_address(clinic, shared_from), marks=marks)
    if index == shared_from:
        marks = tuple(mark for mark in made.marks if mark.field != "E-mail ID")
        return replace(made, email=_address(clinic, index), marks=marks, protected=True)
    if index == twin:
        other = _person(clinic, twin_of)
        note = "same name, birth date and phone as another patient: one person with two numbers?"
        marks = (Mark("duplicate_person", "Name of Patient", "finding", note, related=(other.uhid,)), *other.marks)
        policy = "" if other.company is None else policy_number(other.company, other.registered.year, index, 1)
        return replace(other, index=index, uhid=made.uhid, email="", policy=policy, marks=_without_mail(marks), rng=made.rng)
    return replace(made, protected=True) if index == twin_of else made


def _pairs(patients: int) -> tuple[int, int, int, int]:
    """Who shares an e-mail address with whom, and who is there twice."""
    return patients // 4, patients // 4 + 1, patients // 3, patients // 3 + patients // 5


def _without_mail(marks: tuple[Mark, ...]) -> tuple[Mark, ...]:
    missing = Mark("email_missing", "E-mail ID", "kept", "no e-mail address", counted=True)
    return (*(mark for mark in marks if mark.field != "E-mail ID"), missing)


def _person(clinic: Clinic, index: int) -> Person:
    slot, turn = index % DAYS_OF_BIRTH, index // DAYS_OF_BIRTH
    marks: list[Mark] = []
    # The name hangs on the birth date's slot, moved on by one at each round: no two patients share name and birth date.
    slot_rng = random.Random(f"{clinic.seed}:slot:{slot}")
    female = slot_rng.random() < 0.52
    day = clinic.reference.date()
    born = day - timedelta(days=365 + DAYS_OF_BIRTH) + timedelta(days=(slot * STRIDE + clinic.seed * 104_729) % DAYS_OF_BIRTH)
    name, family = _name(slot_rng, index, turn, female, day.year - born.year < ADULT, marks)
    rng = random.Random(f"{clinic.seed}:patient:{index}")
    earliest = max(born + timedelta(days=20), day - timedelta(days=1200))
    registered_day = earliest + timedelta(days=rng.randrange((day - earliest).days - 60))
    registered = datetime.combine(registered_day, time(9 + rng.randrange(9), rng.randrange(60)))
    updated = registered + timedelta(days=1 + rng.randrange((day - registered_day).days - 2), minutes=rng.randrange(60))
    company = rng.randrange(len(words.COMPANIES)) if rng.random() < 0.6 else None
    return Person(
        index=index,
        uhid=uhid(index),
        name=name,
        female=female,
        born=born,
        registered=registered,
        updated=updated,
        phone=_phone(index, marks),
        email=_email(clinic, index, rng, marks),
        family=family,
        company=company,
        policy="" if company is None else policy_number(company, registered.year, index, 1),
        group="" if company is None or rng.random() < 0.5 else f"GRP-{rng.randrange(100, 999)}",
        doctor=rng.randrange(12),
        branch=words.BRANCHES[rng.randrange(4)][0],
        chronic=tuple(rng.sample(CHRONIC, rng.choice((0, 0, 0, 1, 1, 2)))) if day.year - born.year > ADULT else (),
        marks=tuple(marks),
        protected=False,
        rng=rng,
    )


def uhid(index: int) -> str:
    """The patient's number in the clinic."""
    return f"PDC-{index + 1:06d}"


def policy_number(company: int, year: int, index: int, which: int) -> str:
    """A policy number nobody else has."""
    return f"{words.COMPANIES[company][6]}/{year}/{index + 1:06d}{which}"


def _varied(kind: str, field: str, note: str) -> Mark:
    return Mark(kind, field, "kept", note, counted=True)


def _name(rng: random.Random, index: int, turn: int, female: bool, young: bool, marks: list[Mark]) -> tuple[str, str]:
    """Name as written and family name. Each spelling comes round every few dozen patients, so each is there at any size."""
    given = words.FEMALE_NAMES if female else words.MALE_NAMES
    first = given[(rng.randrange(len(given)) + turn) % len(given)]
    family = rng.choice(words.FAMILY_NAMES)
    place = index % 50
    if place in (7, 33):
        marks.append(_varied("name_devanagari", "Name of Patient", "a name in Devanagari"))
        return words.DEVANAGARI_NAMES[(rng.randrange(8) + turn) % 8], family
    if place == 21:
        marks.append(_varied("name_tamil", "Name of Patient", "a name in Tamil"))
        return words.TAMIL_NAMES[(rng.randrange(5) + turn) % 5], family
    if place == 14:
        marks.append(_varied("name_one_word", "Name of Patient", "a name of one word"))
        return first, family
    if place % 8 == 3:
        marks.append(_varied("name_title", "Name of Patient", "a title before the name"))
        titles = words.TITLES_YOUNG if young else words.TITLES
        return f"{titles[0 if female else 1][(index // 8) % 3]} {first} {family}", family
    if place % 9 == 4:
        return f"{rng.choice('ABCGKMNRSTV')}. {first} {family}", family
    return f"{first} {family}", family


def _phone(index: int, marks: list[Mark]) -> str:
    prefix = words.MOBILE_PREFIXES[index % len(words.MOBILE_PREFIXES)]
    rest = f"{(index * STRIDE + 4711) % 100_000:05d}"
    place = index % 20
    if index % 29 == 28:
        marks.append(_varied("phone_missing", "Contact No.", "no phone number"))
        return ""
    if place in (11, 12):
        marks.append(_varied("phone_plus91", "Contact No.", "with the country's code"))
        return f"+91 {prefix} {rest}" if place == 11 else f"+91{prefix}{rest}"
    if place in (13, 14):
        marks.append(_varied("phone_zero_prefix", "Contact No.", "with the trunk prefix 0"))
        return f"0{prefix}{rest}"
    if place in (15, 16):
        marks.append(_varied("phone_spaced", "Contact No.", "with a blank inside"))
        return f"{prefix} {rest}"
    return prefix + rest


def _address(clinic: Clinic, index: int) -> str:
    return f"patient.{clinic.seed}.{index + 1}@{words.MAIL_DOMAINS[index % len(words.MAIL_DOMAINS)]}"


def _email(clinic: Clinic, index: int, rng: random.Random, marks: list[Mark]) -> str:
    if rng.random() < 0.45:
        return _address(clinic, index)
    marks.append(_varied("email_missing", "E-mail ID", "no e-mail address"))
    return ""


def patient_row(who: Person) -> Row:
    """The patient's line in the patient master."""
    rng, marks = who.rng, list(who.marks)
    city, state, pin = rng.choice(words.CITIES)
    company = "" if who.company is None else words.COMPANIES[who.company][1]
    cells = [
        who.uhid,
        "Patient",
        who.name,
        _gender(who, marks),
        f"{who.born:%d/%m/%Y}",
        who.phone,
        who.email,
        f"No. {rng.randrange(1, 400)}, {rng.choice(words.STREETS)}",
        city,
        state,
        f"{pin}{rng.randrange(1, 100):02d}",
        _blood(rng, who.index, marks),
        rng.choice(words.ALLERGIES),
        "; ".join(name for _, name in who.chronic),
        company,
        who.policy,
        who.group,
        words.STAFF[who.doctor][0],
        who.branch,
        words.BRANCHES[4 + who.index % 2][0] if who.index % 6 == 1 else "",
        rng.choice(words.LANGUAGES),
        _occupation(who),
        rng.choice(words.SMOKING) if _age(who) >= ADULT else "",
        f"{who.registered:%d/%m/%Y %H:%M}",
        f"{who.updated:%d/%m/%Y %H:%M}",
    ]
    return Row(who.uhid, cells, tuple(marks), protected=who.protected)


def _age(who: Person) -> int:
    return who.registered.year - who.born.year


def _occupation(who: Person) -> str:
    age = _age(who)
    if age < ADULT:
        return "Student" if age > 5 else ""
    return "Retired" if age > 62 else who.rng.choice(words.OCCUPATIONS)


def _gender(who: Person, marks: list[Mark]) -> str:
    plain = "Female" if who.female else "Male"
    if who.index % 70 == 40:
        return "Other"
    if who.index % 9 == 5:
        marks.append(_varied("gender_spelling", "SEX", "another spelling of the same"))
        return words.GENDER_SPELLINGS[plain][who.index // 9 % 3]
    return plain


def _blood(rng: random.Random, index: int, marks: list[Mark]) -> str:
    group = rng.choice(words.BLOOD_GROUPS)
    if index % 7 == 6:
        return ""
    if index % 6 == 2:
        marks.append(_varied("blood_group_spelling", "Bld Grp", "another spelling of the same"))
        return words.BLOOD_SPELLINGS[group]
    return group
