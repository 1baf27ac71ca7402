"""The shipped map to Dynamics on whole exports: C1–C11 of the brief arrive in the staged writes, and nothing is lost on the way."""

import csv
import json
import re
from collections import Counter
from collections.abc import Generator
from datetime import UTC, date, datetime
from decimal import Decimal
from pathlib import Path

import pytest
from map_dynamics import begun, dynamics, shipped_for_dynamics
from map_scanned import FALLBACK, Scanned, broken_references, by_key, keys_by_id, scanned, unaccounted

from crosswalk.model.mapping import Settings
from crosswalk.stages.preflight import preflight
from crosswalk.stages.schema import plan_schema
from crosswalk.testing.memory_destination import CAPABILITIES
from crosswalk_sandbox.services.pulse.clinic.generate import generate

DATA = Path(__file__).parents[4] / "shared" / "data"
REAL = DATA / "clinic"
INDIA = Settings(country="IN", timezone="Asia/Kolkata", currency="INR")
AMERICA = Settings(country="US", timezone="America/New_York")
ROWS = {
    "contacts": 1083, "accounts": 1288, "practitioners": 1784, "appointments": 9560, "prescriptions": 6230, "payments": 9443,
    "insurance_carriers": 9, "insurance_policies": 2005, "diagnoses": 6336, "clinical_notes": 117,
}  # fmt: skip
NO_CARRIER = "NO_INSURANCE"


@pytest.fixture(scope="module")
def demo(tmp_path_factory: pytest.TempPathFactory) -> Generator[Scanned]:
    """The demo clinic, as small as it comes."""
    folder = tmp_path_factory.mktemp("demo") / "export"
    generate(folder, 200, 7, "csv")
    with scanned(folder, tmp_path_factory.mktemp("world"), INDIA, begun(), shipped_for_dynamics()) as found:
        yield found


@pytest.fixture(scope="module")
def real(tmp_path_factory: pytest.TempPathFactory) -> Generator[Scanned]:
    """The clinic made of real Synthea output."""
    with scanned(REAL, tmp_path_factory.mktemp("real"), AMERICA, begun(), shipped_for_dynamics()) as found:
        yield found


def source(name: str) -> list[dict[str, str]]:
    """The rows of a real file."""
    with (REAL / f"{name}.csv").open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def findings(found: Scanned) -> dict[str, dict[str, int]]:
    """Record → its findings."""
    assert found.world.staged
    return {item.record: item.findings for item in found.world.staged.records if item.findings}


def test_the_demo_clinic_has_every_row_of_the_brief(demo: Scanned) -> None:
    """C1–C9: each record is staged, and filled but for the words that are kept where something did not fit."""
    assert demo.world.staged
    staged = {item.record: item.rows for item in demo.world.staged.records}
    assert set(staged) == {variant.partition("@")[0] for variant in shipped_for_dynamics()["records"]}
    assert all(staged.values())
    for record in staged:
        rows = demo.world.rows(record)
        empty = {path for path in rows[0] if not path.startswith("_") and not any(row[path] is not None for row in rows)}
        assert {path for path in empty if not path.endswith("aswritten")} == set(), record


def test_no_row_and_only_the_clinics_own_column_of_the_demo_goes_nowhere(demo: Scanned) -> None:
    """Everything Pulse has a word for is mapped, and every staged source row stands in at least one write."""
    assert [(item.object, item.field) for item in demo.mapping.unmapped] == [("patients", "Smoker?")]
    assert unaccounted(demo) == {}


def test_the_demos_map_fits_a_new_organisation(demo: Scanned) -> None:
    """Preflight and schema plan block nothing: every path exists or is created, every option is known, nothing is too long."""
    staged = demo.world.staged
    assert staged
    found = preflight(demo.mapping, staged, demo.world.schema, CAPABILITIES, demo.world.root, demo.world.connection)
    assert [item for item in found if item.severity == "blocking"] == []
    assert all(item.count <= 3 for item in found), "a finding on many rows is noise, not dirt"
    planned = plan_schema(demo.mapping, dynamics(), demo.world.schema)
    assert planned.findings == ()
    labels = [change.label() for change in planned.changes]
    assert [label for label in labels if label.startswith("add_options")] == ["add_options contact.gendercode"]
    assert not any(label.endswith((".pulse_name", ".ownerid", ".createdon")) for label in labels)


def test_without_the_privilege_to_back_date_the_original_times_remain(demo: Scanned) -> None:
    """`createdon` is left out with a warning; the columns of our own hold the times (C10)."""
    schema = begun(back_dating=False)
    staged = demo.world.staged
    assert staged
    found = preflight(demo.mapping, staged, schema, CAPABILITIES, demo.world.root, demo.world.connection)
    written = {mapped.to for mapped in demo.mapping.records.values() if "createdon" in mapped.fields}
    assert {(item.object, item.severity) for item in found if item.field == "createdon"} == {(name, "warning") for name in written}
    assert {"account", "contact", "annotation", "pulse_payment", "pulse_prescription", "pulse_diagnosis"} <= written
    assert all(row["pulse_originalcreatedon"] for row in demo.world.rows("contacts"))


def test_a_missing_fallback_owner_leaves_no_record_owned_by_accident(demo: Scanned) -> None:
    """Every write names an owner (E1)."""
    assert demo.world.staged
    for item in demo.world.staged.records:
        assert {row["ownerid"] for row in demo.world.rows(item.record)} == {FALLBACK.fallback_user_id}


def test_states_of_the_demo_follow_its_words(demo: Scanned) -> None:
    """Completed and cancelled visits end so, the others stay scheduled; an unknown word is kept and decides nothing (C4)."""
    states = Counter(
        (row["pulse_appointmentstatus"], row["statecode"], row["statuscode"]) for row in demo.world.rows("appointments")
    )
    assert set(states) == {
        ("COMPLETED", "COMPLETED", "COMPLETED"), ("CANCELLED", "CANCELED", "CANCELED"), ("NO_SHOW", "CANCELED", "CANCELED"),
        ("SCHEDULED", "SCHEDULED", "BUSY"), ("IN_PROGRESS", "SCHEDULED", "BUSY"), ("RESCHEDULED", None, None),
    }  # fmt: skip
    unknown = [row for row in demo.world.rows("appointments") if row["statecode"] is None]
    assert [row["pulse_statusaswritten"] for row in unknown] == ["Rescheduled??"]


def test_notes_of_the_demo_say_when_and_by_whom_in_their_first_line(demo: Scanned) -> None:
    """Time, author and kind before the text; the original time in createdon, too (C8)."""
    for row in demo.world.rows("clinical_notes"):
        first, blank, text = row["notetext"].split("\n", 2)
        assert re.match(r"Written \S+.* by Dr\. .*\(DR-\d+\)", first) and blank == "" and text
        assert row["createdon"] and row["subject"].startswith("Clinical note: ")
    messages = demo.world.rows("messages")
    assert all(row["notetext"].startswith("Sent ") and row["createdon"] for row in messages)


def test_documents_of_the_demo_bring_their_file(demo: Scanned) -> None:
    """One note a file, with its name."""
    rows = demo.world.rows("documents")
    assert len(rows) == 53 and all(row["documentbody"] in row["subject"] for row in rows)


def test_campaigns_of_the_demo_keep_their_counts_and_members(demo: Scanned) -> None:
    """The number of patients aimed at, the content, and one response a member with its campaign and contact (C9)."""
    campaigns = demo.world.rows("campaigns")
    assert [row["pulse_targetcount"] for row in campaigns] == [35, 36, 21, 36, 39, 30]
    assert all(row["pulse_content"] and row["proposedstart"] for row in campaigns)
    responses = demo.world.rows("campaign_responses")
    assert len(responses) == 197
    assert {row["regardingobjectid.campaign"] for row in responses} == {row["_id"] for row in campaigns}
    assert {row["customer.contact"] for row in responses} <= set(keys_by_id(demo, "contacts"))
    assert {row["channeltypecode"] for row in responses} == {"EMAIL", "OTHERS"}
    assert {(row["pulse_deliverystatus"], row["responsecode"]) for row in responses if row["responsecode"]} == {
        ("OPTED_OUT", "DO_NOT_SEND_MARKETING_MATERIALS"), ("FAILED", "ERROR"),
    }  # fmt: skip


def test_a_sample_of_the_demo_is_closed(demo: Scanned) -> None:
    """Each reference of a selected row leads to a selected row."""
    assert broken_references(demo, 10) == []


@pytest.mark.slow
@pytest.mark.skipif(not REAL.is_dir(), reason="../shared/data/clinic is not beside this repository")
class TestRealClinic:
    """The numbers that `data/clinic` must arrive with."""

    def test_rows(self, real: Scanned) -> None:
        """As many records as the export has, none rejected; only the two rows that name no carrier are left out."""
        assert real.world.staged
        assert {item.record: item.rows for item in real.world.staged.records} == ROWS
        assert all(set(item.states) == {"ready"} for item in real.world.staged.records)
        assert unaccounted(real) == {"insurance_companies": 2}
        assert real.mapping.unmapped == ()

    def test_the_map_fits(self, real: Scanned) -> None:
        """Nothing blocks; what is found is known of this export."""
        staged = real.world.staged
        assert staged
        found = preflight(real.mapping, staged, real.world.schema, CAPABILITIES, real.world.root, real.world.connection)
        assert [item for item in found if item.severity == "blocking"] == []
        assert findings(real) == {
            "accounts": {"phone_extension:telephone1": 1, "phone_invalid:telephone1": 1, "phone_possible:telephone1": 5},
            "contacts": {"orphan:pulse_insurancecarrierid": 82, "phone_possible:mobilephone": 13},
            "insurance_policies": {
                "date_incomplete:pulse_validfrom": 149, "date_incomplete:pulse_validto": 149, "date_invalid:pulse_validto": 1,
                "missing_value:pulse_policynumber": 285, "orphan:pulse_insurancecarrierid": 152,
            },
        }  # fmt: skip

    def test_amounts(self, real: Scanned) -> None:
        """Exact sums."""
        truth = json.loads((REAL / "TRUTH.json").read_text(encoding="utf-8"))
        rows = real.world.rows("payments")
        for path, told in (
            ("pulse_amount", "sum_total_amount"), ("pulse_insurancecovered", "sum_insurance_covered"),
            ("pulse_patientpayable", "sum_patient_payable"),
        ):  # fmt: skip
            assert sum((row[path] or Decimal(0) for row in rows), Decimal(0)) == Decimal(truth[told])
        assert truth["sum_total_amount"] == "23680292.01"

    def test_carriers(self, real: Scanned) -> None:
        """20 ids of 10 names become 9 carriers (C7): the first row survives, the second fills its blanks, both ids are kept."""
        carriers, rows = by_key(real, "insurance_carriers"), source("insurance_companies")
        assert set(carriers) == {row["Company Name"] for row in rows} - {NO_CARRIER}
        folded = {id for row in carriers.values() for id in row["pulse_foldedids"].split("\n")}
        assert folded == {row["Company ID"] for row in rows if row["Company Name"] != NO_CARRIER}
        medicare = carriers["Medicare"]
        assert (medicare["pulse_city"], medicare["pulse_ownership"]) == ("Baltimore", "GOVERNMENT")

    @pytest.mark.parametrize(("record", "name"), [("contacts", "patients"), ("insurance_policies", "insurance_policies")])
    def test_everybody_insured_has_their_carrier(self, real: Scanned, record: str, name: str) -> None:
        """The link by name, and the name itself; NO_INSURANCE stays a word."""
        carriers, rows = keys_by_id(real, "insurance_carriers"), real.world.rows(record)
        linked = [carriers.get(row["pulse_insurancecarrierid"]) for row in rows]
        wanted = [row["Insurance Company"] or None for row in source(name) if row.get("Type", "Patient") == "Patient"]
        assert [row["pulse_insurancecompany"] for row in rows] == wanted
        assert linked == [None if company == NO_CARRIER else company for company in wanted]

    def test_appointments(self, real: Scanned) -> None:
        """Each regards its patient, who is its attendee, starts and ends when it did, and is completed."""
        contacts, practitioners = by_key(real, "contacts"), by_key(real, "practitioners")
        accounts, written = by_key(real, "accounts"), by_key(real, "appointments")
        for row in source("appointments"):
            appointment, patient = written[row["Appointment ID"]], contacts[row["Patient ID"]]["_id"]
            assert appointment["regardingobjectid.contact"] == appointment["requiredattendees.contact"] == patient
            assert appointment["pulse_practitionerid"] == practitioners[row["Doctor ID"]]["_id"]
            assert appointment["pulse_clinicid"] == accounts[row["Clinic ID"]]["_id"]
            assert appointment["scheduledstart"].replace(tzinfo=UTC) == datetime.fromisoformat(row["Start Time"])
            assert appointment["scheduledend"].replace(tzinfo=UTC) == datetime.fromisoformat(row["End Time"])
            assert (appointment["statecode"], appointment["statuscode"]) == ("COMPLETED", "COMPLETED")

    def test_prescriptions(self, real: Scanned) -> None:
        """Each with its drug and start, on its patient, by its doctor."""
        contacts, practitioners = keys_by_id(real, "contacts"), keys_by_id(real, "practitioners")
        for row, written in zip(source("prescriptions"), real.world.rows("prescriptions"), strict=True):
            assert (written["pulse_name"], written["pulse_drugcode"]) == (row["Medicine"], row["Drug Code"])
            assert written["pulse_startson"].replace(tzinfo=UTC) == datetime.fromisoformat(row["Start Date"])
            assert contacts[written["pulse_patientid"]] == row["Patient ID"]
            assert practitioners[written["pulse_practitionerid"]] == row["Doctor ID"]

    def test_diagnoses(self, real: Scanned) -> None:
        """Each reachable from its patient and its appointment, with code and dates."""
        contacts, appointments = keys_by_id(real, "contacts"), keys_by_id(real, "appointments")
        for row, written in zip(source("visit_history"), real.world.rows("diagnoses"), strict=True):
            assert (written["pulse_name"], written["pulse_code"]) == (row["Diagnosis"], row["SNOMED Code"])
            assert contacts[written["pulse_patientid"]] == row["Patient ID"]
            assert appointments[written["pulse_appointmentid"]] == row["Appointment ID"]
            assert written["pulse_diagnosedon"] == date.fromisoformat(row["Diagnosed On"])

    def test_notes(self, real: Scanned) -> None:
        """Each on its contact, its text whole behind the first line."""
        contacts = keys_by_id(real, "contacts")
        for row, written in zip(source("clinical_notes"), real.world.rows("clinical_notes"), strict=True):
            first, _, text = written["notetext"].partition("\n\n")
            assert row["Written On"] in first and row["Doctor ID"] in first
            assert text.split() == row["Note"].split()
            assert contacts[written["objectid.contact"]] == row["Patient ID"]
            assert written["createdon"].replace(tzinfo=UTC) == datetime.fromisoformat(row["Written On"])

    def test_contacts(self, real: Scanned) -> None:
        """Codes keep their zeros, marital status and gender are the standard columns', the parent account is the clinic."""
        accounts = keys_by_id(real, "accounts")
        marital = {"M": "MARRIED", "S": "SINGLE", "D": "DIVORCED", "W": "WIDOWED", "": None}
        patients = [row for row in source("patients") if row["Type"] == "Patient"]
        for row, written in zip(patients, real.world.rows("contacts"), strict=True):
            assert written["address1_postalcode"] == (row["PIN Code"] or None)
            assert written["familystatuscode"] == marital[row["Marital Status"]]
            assert written["gendercode"] == {"M": "MALE", "F": "FEMALE"}[row["Gender"]]
            assert accounts[written["parentcustomerid.account"]] == row["Clinic ID"]
            assert written["pulse_originalcreatedon"].replace(tzinfo=UTC) == datetime.fromisoformat(row["Created On"])
            assert written["createdon"] == written["pulse_originalcreatedon"]

    def test_source_ids_are_told_apart(self, real: Scanned) -> None:
        """No two of a record are equal, case aside, as Dataverse compares; none is longer than its column."""
        for record, mapped in shipped_for_dynamics()["records"].items():
            name = record.partition("@")[0]
            column = mapped["fields"].get("pulse_sourcesystemid")
            if column is None or name not in ROWS or real.mapping.records[name].from_ != mapped["from"]:
                continue
            ids = [row["pulse_sourcesystemid"] for row in real.world.rows(name)]
            assert len({value.lower() for value in ids}) == len(ids)
            assert max(map(len, ids)) <= column["create"]["max_length"]
