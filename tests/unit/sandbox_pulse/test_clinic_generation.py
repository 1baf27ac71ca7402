"""The generator's promises: the same bytes again, the right counts, real files, and plain words when it cannot."""

import hashlib
import json
import re
import zlib
from pathlib import Path

import pytest
from clinic_reading import Folder
from hypothesis import given
from hypothesis import strategies as st

from crosswalk_sandbox.services.pulse.__main__ import main
from crosswalk_sandbox.services.pulse.clinic import attachments, people, visits
from crosswalk_sandbox.services.pulse.clinic.generate import FolderNotEmptyError, generate


def _digests(path: Path) -> dict[str, str]:
    files = sorted(found for found in path.rglob("*") if found.is_file())
    return {str(file.relative_to(path)): hashlib.sha256(file.read_bytes()).hexdigest() for file in files}


def test_a_seed_gives_the_same_bytes_again(clinic: Folder, workbook: Folder, tmp_path: Path) -> None:
    """Text files, workbook and documents come out byte for byte the same a second time; another seed differs."""
    generate(tmp_path / "csv")
    generate(tmp_path / "xlsx", form="xlsx")
    generate(tmp_path / "other", seed=8)
    assert _digests(tmp_path / "csv") == _digests(clinic.path)
    assert _digests(tmp_path / "xlsx") == _digests(workbook.path)
    assert _digests(tmp_path / "other")["Appointments.csv"] != _digests(clinic.path)["Appointments.csv"]


@pytest.mark.parametrize("form", ["csv", "xlsx"])
def test_rows_and_objects_are_counted_right(form: str, request: pytest.FixtureRequest) -> None:
    """Rows per file and distinct records per object are what an independent reader finds."""
    folder: Folder = request.getfixturevalue("clinic" if form == "csv" else "workbook")
    for name, sheet in folder.sheets.items():
        filled = [record for record in sheet.records if any(record.cells)]
        assert len(filled) == folder.planted["rows"][name]
        assert len(sheet.records) - len(filled) == folder.planted["blank_rows"].get(name, 0)
    objects = {name: len(folder.good(name)) for name in folder.planted["files"]}
    clinics = sum(values["Record Type"] != "Patient" for _, values in folder.good("patients"))
    objects |= {"patients": objects["patients"] - clinics, "clinics": clinics}
    assert objects == folder.planted["objects"]


def test_the_default_clinic_is_as_large_as_promised(clinic: Folder) -> None:
    """200 patients, six clinics of which two are partners, at least 1,500 appointments in every state."""
    objects = clinic.planted["objects"]
    assert (objects["patients"], objects["clinics"]) == (200, 6)
    assert objects["appointments"] >= 1500
    statuses = {"Completed", "Cancelled", "No-show", "Scheduled", "In Progress", "Rescheduled??"}
    assert clinic.planted["totals"]["appointments_by_status"].keys() == statuses
    assert clinic.planted["totals"]["billing_by_status"].keys() == {"Paid", "Part-paid", "Pending", "Refunded"}


@pytest.mark.parametrize("seed", [1, 20_251])
def test_other_seeds_plant_the_same_kinds(clinic: Folder, tmp_path: Path, seed: int) -> None:
    """The kinds of dirt do not depend on the seed."""
    planted = generate(tmp_path / "export", seed=seed)
    assert {e["kind"] for e in planted["dirt"]} == {e["kind"] for e in clinic.planted["dirt"]}


def test_documents_are_real_files(clinic: Folder) -> None:
    """Each listed document is there and valid, but for the missing and the empty one; no other file is in the folder."""
    (missing,), (empty,) = clinic.dirt("document_missing"), clinic.dirt("document_empty")
    names = [values["File Name"] for _, values in clinic.good("documents")]
    folder = clinic.path / "documents"
    assert {path.name for path in folder.iterdir()} == set(names) - {missing["key"]}
    assert len(list(folder.iterdir())) == clinic.planted["document_files"]
    assert (folder / empty["key"]).stat().st_size == 0
    kinds = {name.rsplit(".", 1)[1] for name in names}
    assert kinds == {"pdf", "png"}
    for name in set(names) - {missing["key"], empty["key"]}:
        data = (folder / name).read_bytes()
        assert _pixels(data) if name.endswith(".png") else _is_pdf(data)


def test_damaged_documents_hang_on_no_note(clinic: Folder) -> None:
    """A note's attached file is always a sound one, so that each damaged document is one finding, not two."""
    damaged = {entry["key"] for entry in clinic.dirt("document_missing") + clinic.dirt("document_empty")}
    attached = {values["Attached File"] for _, values in clinic.good("clinical_notes")} - {""}
    assert attached
    assert not attached & damaged


def _pixels(data: bytes) -> bytes:
    """The filtered rows of an 8-bit greyscale PNG, every chunk's length and checksum checked (PNG specification §5)."""
    assert data.startswith(b"\x89PNG\r\n\x1a\n")
    chunks: list[tuple[bytes, bytes]] = []
    at = 8
    while at < len(data):
        length, kind = int.from_bytes(data[at : at + 4]), data[at + 4 : at + 8]
        body, checksum = data[at + 8 : at + 8 + length], data[at + 8 + length : at + 12 + length]
        assert zlib.crc32(kind + body) == int.from_bytes(checksum)
        chunks.append((kind, body))
        at += 12 + length
    assert [kind for kind, _ in chunks] == [b"IHDR", b"IDAT", b"IEND"]
    width, height = int.from_bytes(chunks[0][1][:4]), int.from_bytes(chunks[0][1][4:8])
    assert chunks[0][1][8:] == b"\x08\x00\x00\x00\x00"
    rows = zlib.decompress(chunks[1][1])
    assert len(rows) == height * (width + 1)
    assert set(rows[:: width + 1]) == {0}
    return rows


def _is_pdf(data: bytes) -> bool:
    """Header, trailer, and a cross-reference table whose every offset leads to its object (ISO 32000-1 §7.5)."""
    start = int(re.findall(rb"startxref\n(\d+)\n%%EOF\n$", data)[0])
    table = data[start:]
    size = int(re.findall(rb"/Size (\d+)", table)[0])
    head = f"xref\n0 {size}\n".encode()
    entries = [table[len(head) + 20 * number :][:20] for number in range(size)]
    led = all(data[int(entry[:10]) :].startswith(b"%d 0 obj\n" % number) for number, entry in enumerate(entries) if number)
    length, stream = re.findall(rb"/Length (\d+) >>\nstream\n(.*?)\nendstream", data, re.DOTALL)[0]
    return data.startswith(b"%PDF-1.") and table.startswith(head) and led and int(length) == len(stream)


@given(st.lists(st.text(st.characters(min_codepoint=32, max_codepoint=126), max_size=40), min_size=1, max_size=6))
def test_a_pdf_is_valid_whatever_its_lines(lines: list[str]) -> None:
    """Brackets and backslashes in a line are escaped, so that offsets and lengths stay right."""
    data = attachments.pdf(lines)
    assert _is_pdf(data)
    shown = re.findall(rb"\(((?:\\.|[^\\()])*)\) Tj", data)
    assert [re.sub(rb"\\(.)", rb"\1", line).decode() for line in shown] == lines


@given(st.integers(0, 10**9), st.integers(1, 40))
def test_a_png_decodes_whatever_its_seed(seed: int, side: int) -> None:
    """Chunks, checksums and the number of pixels are right for any pattern and size."""
    assert len(_pixels(attachments.png(seed, side))) == side * (side + 1)


@given(st.integers(-(10**12), 10**12))
def test_rupees_are_grouped_in_lakh_and_keep_their_value(paise: int) -> None:
    """Commas after three digits and then after two; taken out again, the amount is the same."""
    text = visits.rupees(paise)
    assert re.fullmatch(r"-?\d{1,3}\.\d\d|-?\d{1,2}(,\d\d)*,\d{3}\.\d\d", text)
    assert round(float(text.replace(",", "")) * 100) == paise


@given(st.integers(0, people.PATIENTS_MAX - 1), st.integers(0, people.PATIENTS_MAX - 1))
def test_no_two_patients_share_name_and_birth_date(one: int, other: int) -> None:
    """At any size, name and birth date together tell patients apart, but for the planted twin and the relative."""
    clinic = people.Clinic(7, people.PATIENTS_MAX)
    slot = one % people.DAYS_OF_BIRTH
    # Born on the same day as `one`, the only patients who could be confused with it.
    rival = other // people.DAYS_OF_BIRTH * people.DAYS_OF_BIRTH + slot
    planted = {people.PATIENTS_MAX // 4 + 1, people.PATIENTS_MAX // 3 + people.PATIENTS_MAX // 5}
    if rival in planted or one in planted or rival == one or rival >= people.PATIENTS_MAX:
        return
    first, second = people.person(clinic, one), people.person(clinic, rival)
    assert first.born == second.born
    assert first.name != second.name


def test_a_folder_with_something_in_it_is_left_alone(tmp_path: Path) -> None:
    """The generator never writes over what is there."""
    (tmp_path / "mine.txt").write_text("keep")
    with pytest.raises(FolderNotEmptyError, match="not empty"):
        generate(tmp_path)
    assert _digests(tmp_path).keys() == {"mine.txt"}


@pytest.mark.parametrize("patients", [199, 150_001])
def test_a_size_out_of_range_is_refused(tmp_path: Path, patients: int, capsys: pytest.CaptureFixture[str]) -> None:
    """Too few patients for the dirt, or too many for unique people: exit 2 and the range in words."""
    assert main(["clinic", "--out", str(tmp_path / "x"), "--patients", str(patients)]) == 2
    assert "between 200 and 150,000" in capsys.readouterr().err


def test_the_command_prints_one_json_line(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """The counts come as a single JSON document on stdout."""
    assert main(["clinic", "--out", str(tmp_path / "export"), "--seed", "3"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert len(lines) == 1
    assert json.loads(lines[0])["objects"]["patients"] == 200
