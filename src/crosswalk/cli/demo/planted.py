"""The demo's reckoning: every planted deviation is found where it was planted, and nothing else is found."""

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any

from crosswalk.model.finding import Finding
from crosswalk.model.mapping import Mapping as FieldMap
from crosswalk.model.ownership import Owners
from crosswalk.model.profile import Profile
from crosswalk.model.reconciliation import Reconciliation
from crosswalk.runs.tracing import RecordEnd, RowEnd

EXPECTED: Mapping[str, frozenset[str]] = {
    "doctor_email_shared": frozenset({"doctor_email_shared"}),
    "document_empty": frozenset({"document_empty", "file_empty"}),
    "document_missing": frozenset({"document_missing", "file_missing"}),
    "duplicate_person": frozenset({"duplicate_persons"}),
    "email_invalid": frozenset({"email_invalid"}),
    "email_shared": frozenset({"shared_value"}),
    "excel_error": frozenset({"excel_error"}),
    "impossible_date": frozenset({"date_invalid"}),
    "orphan_appointment": frozenset({"orphans"}),
    "orphan_bill": frozenset({"orphans"}),
    "phone_letters": frozenset({"phone_invalid"}),
    "phone_too_short": frozenset({"phone_invalid", "phone_possible"}),
    "phone_two_in_one": frozenset({"phone_several"}),
    "policy_blank_number": frozenset({"missing_value", "blank_key"}),
    "status_unknown": frozenset({"unmapped_value"}),
    "two_digit_year": frozenset({"two_digit_year"}),
    "duplicate_id_differs": frozenset({"duplicate_key_differs"}),
    "duplicate_row": frozenset({"duplicate_rows_folded"}),
}
"""The kind of dirt → the codes it must be found under (one of them)."""

CONSEQUENCES: Mapping[str, frozenset[str]] = {
    "document_empty": frozenset({"required_missing"}),
    "document_missing": frozenset({"required_missing"}),
    "orphan_appointment": frozenset({"orphan", "required_missing"}),
    "orphan_bill": frozenset({"orphan", "required_missing"}),
}
"""What a kind of dirt may also lead to, on the same row."""

ABOUT_THE_SOURCE = frozenset({"personal_data", "not_exportable", "rows_quarantined"})
"""Findings that describe any export, or are checked row by row."""


BILLED = "Billed amount"
COUNTED = {"Appointments per status": "appointments_by_status", "Bills per status": "billing_by_status"}
"""Total of the map → the same total in PLANTED.json, compared as a set of counts: the map renames the values."""
NEEDS_UNIQUE = frozenset({"email_shared"})
"""Dirt that is none where the destination lets several records hold the value: it is kept, and that is all."""


@dataclass(frozen=True, slots=True)
class Ended:
    """A planted deviation and where it ended."""

    kind: str
    place: str
    expect: str
    found: str
    """`quarantined`, `folded`, `finding date_invalid`, `kept`, … or, when it went wrong, what is there instead."""
    good: bool


@dataclass(frozen=True, slots=True)
class Reckoning:
    """The whole comparison. `unplanned` are findings nobody planted; `miscounted` numbers that are not PLANTED.json's."""

    items: tuple[Ended, ...]
    unplanned: tuple[str, ...]
    miscounted: tuple[str, ...]

    def exact(self) -> bool:
        """Everything planted was found, and nothing else."""
        return all(item.good for item in self.items) and not self.unplanned and not self.miscounted


@dataclass(slots=True)
class _Found:
    """What was found, by place (`file:line`)."""

    states: dict[str, set[str]] = field(default_factory=lambda: defaultdict(set))
    codes: dict[str, set[str]] = field(default_factory=lambda: defaultdict(set))
    ends: dict[str, set[str]] = field(default_factory=lambda: defaultdict(set))
    explained: set[tuple[str, str]] = field(default_factory=lambda: set())


def reckon(
    planted: Mapping[str, Any],
    profile: Profile,
    rows: Iterable[RowEnd],
    records: Iterable[RecordEnd],
    owners: Owners | None,
    proof: Reconciliation,
    mapping: FieldMap,
) -> Reckoning:
    """Hold what a finished migration found against PLANTED.json."""
    found = _Found()
    unique = any(mapped.unique for record in mapping.active().values() for mapped in record.fields.values())
    dirt = [item | {"expect": "kept"} if item["kind"] in NEEDS_UNIQUE and not unique else item for item in planted["dirt"]]
    for row in rows:
        found.states[row.place].add(row.state)
    notable = list(records)
    for record in notable:
        for place in record.places:
            found.codes[place].update(_codes(record))
            found.ends[place].add(record.loaded or record.state)
    source_findings = [item for item in profile.findings if item.code not in ABOUT_THE_SOURCE]
    for finding in source_findings:
        for example in finding.examples:
            for place in _places(example):
                found.codes[place].add(finding.code)
    items = tuple(_end(item, found) for item in dirt)
    unplanned = (
        *_unplanned_rows(notable, found),
        *_unplanned_findings(source_findings, found),
        *_refused(proof, notable, planted["dirt"]),
    )
    return Reckoning(items, unplanned, tuple(_miscounted(planted, profile, owners, proof)))


def _codes(record: RecordEnd) -> set[str]:
    codes = {finding.partition(":")[0] for finding in record.findings}
    if record.state == "rejected":
        codes.add(record.reason.partition(":")[0])
    return codes


def _places(example: str) -> list[str]:
    """`file:line` of an example such as `a.csv:3 and a.csv:7 (kept) differ in Address`.

    >>> _places("Patient Master.csv:148 and Patient Master.csv:138 (kept) differ in Address Line, Last Updated")
    ['Patient Master.csv:148', 'Patient Master.csv:138']
    """
    parts = example.partition(" differ in ")[0].split(" and ")
    return [part.removesuffix(" (kept)") for part in parts]


def _end(item: Mapping[str, Any], found: _Found) -> Ended:
    kind, expect, place = item["kind"], item["expect"], f"{item['file']}:{item['line']}"
    codes = found.codes.get(place, set[str]())
    states = found.states.get(place, set[str]())
    wanted = EXPECTED.get(kind, frozenset[str]())
    found.explained.update((place, code) for code in wanted | CONSEQUENCES.get(kind, frozenset()))
    match expect:
        case "quarantined" | "folded":
            good, words = expect in states, ", ".join(sorted(states)) or "not read"
        case "excluded":
            good, words = not states, "skipped as blank" if not states else ", ".join(sorted(states))
        case "finding":
            here = sorted(codes & wanted)
            ends = sorted(found.ends.get(place, set[str]()))
            good, words = bool(here), f"finding {', '.join(here)}" + (f" ({', '.join(ends)})" if ends else "")
            words = words if here else "no finding"
        case _:
            good, words = item["key"] is None or "staged" in states, "kept" if item["key"] is None or states else "not read"
    return Ended(kind, place, expect, words, good)


def _unplanned_rows(records: Sequence[RecordEnd], found: _Found) -> Iterator[str]:
    for record in records:
        for code in sorted(_codes(record)):
            if not any((place, code) in found.explained for place in record.places):
                yield f"{record.record}: {code} ({', '.join(record.places[:2]) or record.key})"


def _unplanned_findings(findings: Sequence[Finding], found: _Found) -> Iterator[str]:
    for finding in findings:
        places = [place for example in finding.examples for place in _places(example)]
        if not any((place, finding.code) in found.explained for place in places):
            yield f"{finding.object or 'source'}: {finding.code} ({', '.join(finding.examples[:2]) or finding.count})"


def _refused(proof: Reconciliation, records: Sequence[RecordEnd], dirt: Sequence[Mapping[str, Any]]) -> Iterator[str]:
    """Rows that loading refused, more than were planted. What the transform rejects was checked row by row."""
    checked = {record.reason for record in records if record.state == "rejected"}
    wanted = Counter(code for item in dirt for code in EXPECTED.get(item["kind"], ()))
    for reason in proof.reasons:
        refused = reason.state in ("rejected", "conflict", "unaccounted") and reason.code not in checked
        if refused and reason.rows > wanted[reason.code.partition(":")[0]]:
            yield f"{reason.source_object}: {reason.rows} {reason.state}, {reason.code} ({', '.join(reason.examples[:2])})"


def _miscounted(planted: Mapping[str, Any], profile: Profile, owners: Owners | None, proof: Reconciliation) -> Iterator[str]:
    files: Mapping[str, str] = planted["files"]
    wanted: Mapping[str, int] = planted["objects"]
    for name, file in files.items():
        found = profile.object(name)
        rows, staged = (found.rows, found.staged) if found else (0, 0)
        if rows != planted["rows"][file]:
            yield f"{file}: {rows} rows read, {planted['rows'][file]} written"
        distinct = wanted[name] + (wanted["clinics"] if name == "patients" else 0)
        if staged != distinct:
            yield f"{file}: {staged} distinct records staged, {distinct} written"
    yield from _miscounted_owners(planted["owners"], owners)
    yield from _miscounted_totals(planted["totals"], proof)


def _miscounted_totals(wanted: Mapping[str, Any], proof: Reconciliation) -> Iterator[str]:
    """The business totals over everything that was staged are those of the clinic that was made."""
    totals = {total.name: total for total in proof.totals}
    billed = totals.get(BILLED)
    amount = Decimal(billed.source.get("", "0")) if billed else None
    if amount != Decimal(wanted["billing"]["amount"]):
        yield f"billed: {amount or 'no sum'} staged, {wanted['billing']['amount']} written"
    for name, key in COUNTED.items():
        total = totals.get(name)
        found = sorted(int(count) for value, count in total.source.items() if value) if total else []
        planted = sorted(wanted[key].values())
        if found != planted:
            yield f"{name}: {found} staged, {planted} written"


def _miscounted_owners(wanted: Mapping[str, Any], owners: Owners | None) -> Iterator[str]:
    by_status: dict[str, set[str]] = defaultdict(set)
    for owner in owners.owners if owners else ():
        by_status[owner.status].add(owner.email)
    for status in ("matched", "shared"):
        if by_status[status] != set(wanted[status]):
            yield f"owners {status}: {len(by_status[status])} found, {len(wanted[status])} planted"
    if len(by_status["unmatched"]) != len(wanted["unmatched"]):
        yield f"owners unmatched: {len(by_status['unmatched'])} found, {len(wanted['unmatched'])} planted"
