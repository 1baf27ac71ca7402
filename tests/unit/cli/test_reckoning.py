"""The demo's reckoning fails whenever something planted is missed, or something is found that nobody planted."""

from collections.abc import Callable
from typing import Any

import pytest

from crosswalk.cli.demo.planted import Reckoning, reckon
from crosswalk.model.finding import Finding
from crosswalk.model.mapping import Mapping
from crosswalk.model.ownership import Owner, Owners
from crosswalk.model.profile import ObjectProfile, Profile
from crosswalk.model.reconciliation import Reason, Reconciliation, TotalCheck
from crosswalk.runs.tracing import RecordEnd, RowEnd

Parts = dict[str, Any]


def planted(kind: str, line: int, expect: str, key: str | None = "K") -> dict[str, Any]:
    """One entry of PLANTED.json."""
    return {"kind": kind, "file": "p.csv", "line": line, "key": key, "field": None, "expect": expect, "count": 1, "note": ""}


def clinic() -> Parts:
    """A small clinic whose reckoning is exact: a damaged row, a folded one, a blank line, an impossible date, an orphan."""
    dirt = [
        planted("too_few_cells", 3, "quarantined"), planted("duplicate_row", 4, "folded"), planted("blank_line", 5, "excluded"),
        planted("impossible_date", 6, "finding"), planted("orphan_bill", 7, "finding"), planted("name_tamil", 2, "kept"),
        planted("line_end_crlf", 1, "kept", key=None),
    ]  # fmt: skip
    staged = [RowEnd("patients", f"p.csv:{line}", str(line), "staged") for line in (2, 6, 7)]
    profiled = ObjectProfile(
        name="patients", rows=5, staged=3, folded=1, quarantined=1, key=("id",), key_kind="source", key_unique=True, fields=()
    )  # fmt: skip
    orphans = Finding(code="orphans", severity="warning", message="", remedy="", object="patients", examples=("p.csv:7",))
    folded = Finding(code="duplicate_rows_folded", severity="info", message="", remedy="", object="patients", examples=("p.csv:4",))
    counts = {"DONE": "2", "OPEN": "1"}
    totals = (
        TotalCheck(name="Billed amount", record="billing_ledgers", kind="sum", source={"": "10.5"}, expected={}, actual={}),
        TotalCheck(name="Appointments per status", record="tasks", kind="count_by", source=counts, expected={}, actual={}),
        TotalCheck(name="Bills per status", record="billing_ledgers", kind="count_by", source=counts, expected={}, actual={}),
    )
    by_status = {"Done": 2, "Open": 1}
    return {
        "planted": {
            "dirt": dirt, "files": {"patients": "p.csv"}, "rows": {"p.csv": 5}, "objects": {"patients": 2, "clinics": 1},
            "owners": {"matched": {"a@x.test": "1"}, "shared": {"s@x.test": ["2", "3"]}, "unmatched": ["4"]},
            "totals": {"billing": {"amount": "10.50"}, "appointments_by_status": by_status, "billing_by_status": by_status},
        },
        "profile": Profile(objects=(profiled,), findings=(orphans, folded)),
        "rows": [*staged, RowEnd("patients", "p.csv:4", "4", "folded"), RowEnd("patients", "p.csv:3", "", "quarantined", "short")],
        "records": [
            RecordEnd("people", "6", "ready", "", ("date_invalid:dateOfBirth",), ("p.csv:6",), "loaded_with_findings"),
            RecordEnd("bills", "7", "rejected", "required_missing:patientId", ("orphan:patientId",), ("p.csv:7",), "rejected"),
        ],
        "owners": Owners(owners=(
            Owner(email="a@x.test", status="matched", user_id="u"), Owner(email="s@x.test", status="shared", holders=2),
            Owner(email="u@x.test", status="unmatched"),
        )),
        "proof": Reconciliation(
            ledger=(), reasons=(), records=(), links=(), totals=totals, side_effects=(), balanced=True, problems=()
        ),
        "mapping": one_field({"from": "email", "unique": {}}),
    }  # fmt: skip


def one_field(mapped: dict[str, Any]) -> Mapping:
    """A map of patients with an e-mail address."""
    people = {"to": "people", "from": "patients", "fields": {"email": mapped}}
    return Mapping.model_validate({"source": "pulse", "destination": "x", "sample_root": "people", "records": {"people": people}})


def reckoned(parts: Parts) -> Reckoning:
    """The reckoning of these parts."""
    return reckon(**parts)


def test_a_clinic_whose_dirt_was_all_found_is_exact() -> None:
    """Everything planted ended where it should, and nothing else was found."""
    found = reckoned(clinic())
    assert found.exact(), found


@pytest.mark.parametrize(("mapped", "exact"), [({"from": "email", "unique": {}}, False), ({"from": "email"}, True)])
def test_a_shared_address_is_dirt_only_where_one_record_may_hold_it(mapped: dict[str, Any], exact: bool) -> None:
    """A destination that lets two people have one address keeps it in both, and there is nothing to find."""
    parts = clinic()
    parts["planted"]["dirt"].append(planted("email_shared", 2, "finding"))
    assert reckoned({**parts, "mapping": one_field(mapped)}).exact() is exact


def _row(line: int, state: str) -> Callable[[Parts], None]:
    def change(parts: Parts) -> None:
        parts["rows"] = [row for row in parts["rows"] if row.place != f"p.csv:{line}"]
        if state:
            parts["rows"].append(RowEnd("patients", f"p.csv:{line}", "", state))

    return change


def _found(record: RecordEnd) -> Callable[[Parts], None]:
    return lambda parts: parts["records"].append(record)


def _without_finding(parts: Parts) -> None:
    parts["records"] = [record for record in parts["records"] if record.key != "6"]


def _planted_less(parts: Parts) -> None:
    parts["planted"]["dirt"] = [item for item in parts["planted"]["dirt"] if item["kind"] != "impossible_date"]


def _profile_finds(parts: Parts) -> None:
    more = Finding(code="duplicate_persons", severity="warning", message="", remedy="", object="patients", examples=("p.csv:2",))
    parts["profile"] = parts["profile"].model_copy(update={"findings": (*parts["profile"].findings, more)})


def _refused(parts: Parts) -> None:
    reason = Reason(source_object="patients", state="rejected", code="invalid_value", rows=1)
    parts["proof"] = parts["proof"].model_copy(update={"reasons": (reason,)})


def _other_amount(parts: Parts) -> None:
    parts["planted"]["totals"]["billing"]["amount"] = "10.51"


def _other_counts(parts: Parts) -> None:
    parts["planted"]["totals"]["appointments_by_status"] = {"Done": 3}


def _other_rows(parts: Parts) -> None:
    parts["planted"]["rows"] = {"p.csv": 6}


def _other_owner(parts: Parts) -> None:
    parts["planted"]["owners"]["matched"] = {"b@x.test": "1"}


@pytest.mark.parametrize(
    "sabotage",
    [
        _row(3, "staged"), _row(4, "staged"), _row(5, "staged"), _row(2, ""), _without_finding, _planted_less, _profile_finds,
        _found(RecordEnd("people", "2", "ready", "", ("phone_invalid:phone",), ("p.csv:2",), "loaded_with_findings")),
        _found(RecordEnd("people", "2", "rejected", "required_missing:name", (), ("p.csv:2",), "rejected")),
        _refused,
        _found(RecordEnd("people", "6", "ready", "", ("phone_invalid:phone",), ("p.csv:6",), "loaded_with_findings")),
        _other_amount, _other_counts, _other_rows, _other_owner,
    ],
)  # fmt: skip
def test_anything_else_is_not_exact(sabotage: Callable[[Parts], None]) -> None:
    """A quarantined row that was read, a lost one, a missed or surplus finding, another sum, another owner: each is noticed."""
    parts = clinic()
    sabotage(parts)
    assert not reckoned(parts).exact()
