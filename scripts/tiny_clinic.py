"""A clinic of a few patients, made by hand for drills whose answers must be known: who owns what, who has which address."""

import csv
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

DOCTORS = ("Asha Rao", "Brian Cole", "Chitra Nair", "Dev Shah")


@dataclass(frozen=True, slots=True)
class TinyClinic:
    """How many patients, and the addresses of `DOCTORS` in order; every patient has one appointment with each doctor.

    `cells` are further columns of the patients, each with its one value.
    """

    patients: int = 12
    addresses: Sequence[str] = ("asha@doctors.example", "shared@doctors.example", "shared@doctors.example", "dev@doctors.example")
    cells: Mapping[str, str] = field(default_factory=dict[str, str])

    def write(self, folder: Path) -> Path:
        """The export: one CSV per object, clinics behind the patient file's type flag."""
        folder.mkdir(parents=True)
        self._table(folder, "patients", [*self._patients(), *self._clinics()])
        self._table(folder, "doctors", self._doctors())
        visits = self._visits()
        self._table(folder, "appointments", visits)
        self._table(folder, "billing", [self._bill(number, visit) for number, visit in enumerate(visits)])
        self._table(folder, "visit_history", [self._diagnosis(number, visit) for number, visit in enumerate(visits)])
        self._table(folder, "prescriptions", [self._prescription(visit) for visit in visits])
        return folder

    def _patients(self) -> list[dict[str, str]]:
        return [
            {
                "Patient ID": f"P{number:03}", "Type": "Patient", "Patient Name": f"Patient{number} Family{number % 5}",
                "Gender": "FM"[number % 2], "DOB": f"19{50 + number:02}-03-{1 + number % 28:02}",
                "Mobile": f"617555{1000 + number}",
                "Email": f"p{number}@family{number % 5}.example", "Address": f"{number} Elm Street", "City": "Boston",
                "PIN Code": f"02{100 + number}", "Primary Doctor ID": f"D{number % 4}", "Clinic ID": f"C{number % 2}",
                "Created On": f"2020-01-{1 + number % 28:02}T09:00:00Z", **self.cells,
            }
            for number in range(self.patients)
        ]  # fmt: skip

    def _clinics(self) -> list[dict[str, str]]:
        return [
            {
                "Patient ID": f"C{number}",
                "Type": "Clinic",
                "Patient Name": f"Clinic {number}",
                "City": "Boston",
                "PIN Code": "02101",
            }
            for number in range(2)
        ]

    def _doctors(self) -> list[dict[str, str]]:
        return [
            {"Doctor ID": f"D{number}", "Doctor Name": name, "Clinic ID": f"C{number % 2}", "Email": email}
            for number, (name, email) in enumerate(zip(DOCTORS, self.addresses, strict=True))
        ]  # fmt: skip

    def _visits(self) -> list[dict[str, str]]:
        return [
            {
                "Appointment ID": f"A{patient:03}{doctor}", "Patient ID": f"P{patient:03}", "Doctor ID": f"D{doctor}",
                "Clinic ID": f"C{doctor % 2}", "Start Time": f"2021-0{1 + doctor}-{1 + patient % 28:02}T10:00:00Z",
                "End Time": f"2021-0{1 + doctor}-{1 + patient % 28:02}T10:15:00Z",
                "Visit Type": ("ambulatory", "wellness")[doctor % 2],
                "Purpose": f"Check {doctor}", "Status": "finished",
            }
            for patient in range(self.patients)
            for doctor in range(len(DOCTORS))
        ]  # fmt: skip

    def _bill(self, number: int, visit: dict[str, str]) -> dict[str, str]:
        return {
            "Invoice No": f"I{number:04}", "Patient ID": visit["Patient ID"], "Appointment ID": visit["Appointment ID"],
            "Invoice Date": visit["Start Time"][:10], "Total Amount": f"{100 + number}.{number % 100:02}", "Claim Status": "CLOSED",
        }  # fmt: skip

    def _diagnosis(self, number: int, visit: dict[str, str]) -> dict[str, str]:
        return {
            "Patient ID": visit["Patient ID"], "Appointment ID": visit["Appointment ID"], "Diagnosed On": visit["Start Time"][:10],
            "Resolved On": "", "SNOMED Code": f"{53741000 + number}", "Diagnosis": f"Condition {number}",
        }  # fmt: skip

    def _prescription(self, visit: dict[str, str]) -> dict[str, str]:
        return {
            "Patient ID": visit["Patient ID"], "Appointment ID": visit["Appointment ID"], "Doctor ID": visit["Doctor ID"],
            "Drug Code": "309362", "Medicine": "Clopidogrel 75 MG Oral Tablet", "Start Date": visit["Start Time"], "End Date": "",
        }  # fmt: skip

    @staticmethod
    def _table(folder: Path, name: str, rows: Sequence[dict[str, str]]) -> None:
        with (folder / f"{name}.csv").open("w", newline="", encoding="utf-8") as file:
            writer = csv.DictWriter(file, fieldnames=list(rows[0]), restval="")
            writer.writeheader()
            writer.writerows(rows)
