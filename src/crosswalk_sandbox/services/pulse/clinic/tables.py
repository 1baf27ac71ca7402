"""The export's tables: which file holds which object, its headers as this clinic writes them, and the file's dialect.

The spellings differ from file to file on purpose (facts/pulse.md, "No header spelling is known").
"""

from dataclasses import dataclass
from functools import cached_property
from typing import Literal

Encoding = Literal["utf-8", "utf-8-sig", "cp1252", "utf-16-le-bom"]


@dataclass(frozen=True, slots=True)
class Dialect:
    """How a text file is written, its header row aside (see TableSpec.headers)."""

    encoding: Encoding = "utf-8"
    delimiter: str = ","
    line_end: str = "\n"
    preamble: str | None = None
    """A title line above the header."""
    trailing_column: bool = False
    """Every line, the header too, ends in one delimiter too many."""


@dataclass(frozen=True)
class TableSpec:
    """One object's table. `headers` as written, stray spaces included; `fields` are the same trimmed."""

    object: str
    stem: str
    """File name without suffix, and sheet name in a workbook."""
    headers: tuple[str, ...]
    dialect: Dialect = Dialect()
    suffix: str = "csv"
    day_first: tuple[str, ...] = ()
    """Fields in dd/mm/yyyy, of which days up to the 12th are ambiguous."""
    stamps: tuple[str, ...] = ()
    """Fields in `yyyy-mm-dd hh:mm`, real dates in a workbook."""

    @property
    def file(self) -> str:
        """The text file's name in the export folder."""
        return f"{self.stem}.{self.suffix}"

    @cached_property
    def fields(self) -> tuple[str, ...]:
        """The headers without their stray spaces: the names a reader should find."""
        return tuple(header.strip() for header in self.headers)

    def position(self, field: str) -> int:
        """The column of a field, from 0. Raises ValueError for a field the table does not have."""
        return self.fields.index(field)

    @cached_property
    def day_first_columns(self) -> tuple[tuple[str, int], ...]:
        """The day-first fields with their columns."""
        return tuple((field, self.position(field)) for field in self.day_first)


PATIENTS = TableSpec(
    "patients",
    "Patient Master",
    (
        "UHID",
        " Record Type",
        "Name of Patient ",
        "SEX",
        "Date of Birth",
        "Contact No.",
        "E-mail ID",
        "Address Line",
        "City / Town",
        "state",
        "Pin",
        "Bld Grp",
        "Known Allergies",
        "Chronic Illness",
        "Insurer",
        "Policy No.",
        "Group ID",
        " Consulting Doctor",
        "Home Branch",
        "Referring Clinic",
        "Preferred Language",
        "Occupation",
        "Smoker?",
        "REGISTERED ON",
        "Last Updated",
    ),
    Dialect(encoding="utf-8-sig", line_end="\r\n"),
    day_first=("Date of Birth", "REGISTERED ON", "Last Updated"),
)
DOCTORS = TableSpec(
    "doctors",
    "Doctors & Staff",
    ("Staff Code", "Name", "Role", "Speciality", "Regn. No.", "Official E-mail", "Branch"),
    Dialect(delimiter=";", line_end="\r\n", trailing_column=True),
)
APPOINTMENTS = TableSpec(
    "appointments",
    "Appointments",
    ("Appt No", "UHID", "Doctor", "Branch", "Appt Start", "Appt End", "Appt Type", "Reason for Visit", "Appt Status"),
    Dialect(delimiter=";", line_end="\r\n"),
    stamps=("Appt Start", "Appt End"),
)
PRESCRIPTIONS = TableSpec(
    "prescriptions",
    "e-Prescriptions",
    ("Pt UHID", "Appt No", "Drug Code", "Medicine Name", "Dosage", "Start", "End", "Prescribed By"),
    Dialect(delimiter="|"),
    day_first=("Start", "End"),
)
BILLING = TableSpec(
    "billing",
    "Billing Register",
    (
        "Bill No.",
        "UHID",
        "Appt No",
        "Bill Date",
        "Amount (Rs.)",
        "Paid",
        "Balance",
        "Payment Status",
        "Paid On",
        "Insurance Provider",
        "Mode",
    ),
    Dialect(preamble="Sanjeevani Clinics – Billing Register (all branches)"),
)
POLICIES = TableSpec(
    "insurance_policies",
    "Insurance Policies",
    (
        "UHID",
        "Policy Number",
        "Company Code",
        "Company",
        "Group / TPA ID",
        "Cover From",
        "Cover To",
        "Sum Insured",
        "Relation to Holder",
    ),
    Dialect(line_end="\r\n"),
    day_first=("Cover From", "Cover To"),
)
COMPANIES = TableSpec(
    "insurance_companies", "Insurance Companies", ("Company Code", "Company", "Ownership", "City", "State", "Pin Code", "Helpline")
)
HISTORY = TableSpec(
    "visit_history",
    "Visit Register",
    ("UHID", "Appt No", "Seen By", "Diagnosed", "Resolved", "SNOMED", "Diagnosis", "Remarks"),
    Dialect(encoding="cp1252", line_end="\r\n"),
    day_first=("Diagnosed", "Resolved"),
)
NOTES = TableSpec(
    "clinical_notes",
    "Clinical Notes",
    ("Note No", "UHID", "Appt No", "Author", "Written At", "Kind", "Note", "Attached File"),
    stamps=("Written At",),
)
MESSAGES = TableSpec(
    "messages",
    "Message Log",
    ("Msg ID", "UHID", "Direction", "Sent By", "Sent At", "Channel", "Message"),
    Dialect(encoding="utf-16-le-bom", delimiter="\t", line_end="\r\n"),
    suffix="tsv",
)
CAMPAIGNS = TableSpec(
    "campaigns",
    "Campaigns",
    ("Campaign Code", "Campaign", "Channel", "Scheduled For", "Content", "Target Count"),
    stamps=("Scheduled For",),
)
MEMBERS = TableSpec("campaign_members", "Campaign Members", ("Campaign Code", "UHID", "Delivery Status"), Dialect(delimiter=";"))
INTAKE = TableSpec(
    "intake_forms",
    "Registration Forms",
    (
        "UHID",
        "Filled On",
        "Emergency Contact",
        "Relationship",
        "Emergency Phone",
        "Insurer",
        "Insurance No.",
        "Consent to Treat",
        "Consent for SMS",
        "How did you hear of us?",
    ),
)
DOCUMENTS = TableSpec(
    "documents",
    "documents",
    ("UHID", "File Name", "Document Kind", "Uploaded On"),
    Dialect(line_end="\r\n"),
    stamps=("Uploaded On",),
)

TABLES = (
    PATIENTS,
    DOCTORS,
    APPOINTMENTS,
    PRESCRIPTIONS,
    BILLING,
    POLICIES,
    COMPANIES,
    HISTORY,
    NOTES,
    MESSAGES,
    CAMPAIGNS,
    MEMBERS,
    INTAKE,
    DOCUMENTS,
)
