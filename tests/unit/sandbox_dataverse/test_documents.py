"""Documents of notes and file columns (facts/dataverse.md §9)."""

import base64
from typing import Any

import pytest
from dataverse_talk import BASE, Talk

from crosswalk_sandbox.services.dataverse.metadata import Column

PDF = bytes(range(256)) * 40
BLOCK_IDS = [base64.b64encode(f"{number:08}".encode()).decode() for number in range(3)]


def text(content: bytes) -> str:
    return base64.b64encode(content).decode()


@pytest.fixture
def talk() -> Talk:
    return Talk()


def blocks(talk: Talk, target: dict[str, Any], pieces: list[bytes]) -> Any:
    """A whole upload in blocks, sent in reverse; the answer of the commit."""
    target = {"@odata.type": "Microsoft.Dynamics.CRM.annotation", **target}
    token = talk.done("POST", "InitializeAnnotationBlocksUpload", {"Target": target})["FileContinuationToken"]
    named = list(zip(BLOCK_IDS, pieces, strict=False))
    for name, piece in reversed(named):
        talk.done("POST", "UploadBlock", {"FileContinuationToken": token, "BlockId": name, "BlockData": text(piece)})
    body = {"Target": target, "BlockList": [name for name, _ in named], "FileContinuationToken": token}
    return talk.done("POST", "CommitAnnotationBlocksUpload", body)


def test_a_new_note_in_blocks_is_put_together_in_the_order_of_its_list(talk: Talk) -> None:
    """The bare body is answered as Base64 text; the row knows name, size and that it is a document."""
    contact = talk.made("contacts", lastname="x")
    bind = {"objectid_contact@odata.bind": f"/contacts({contact})", "filename": "a.pdf", "mimetype": "application/pdf"}
    done = blocks(talk, bind, [PDF, b"two", b"three"])
    assert done["FileSizeInBytes"] == len(PDF) + 8
    note = f"annotations({done['AnnotationId']})"
    assert base64.b64decode(talk.done("GET", f"{note}/documentbody/$value")) == PDF + b"twothree"
    row = talk.done("GET", note, query="$select=filename,filesize,isdocument,_objectid_value")
    assert (row["filename"], row["filesize"], row["isdocument"]) == ("a.pdf", len(PDF) + 8, True)
    assert row["_objectid_value"] == contact
    assert talk.send("GET", f"{note}/documentbody/$value").content_type.startswith("text/plain")


def test_a_note_that_is_there_gets_its_document(talk: Talk) -> None:
    """The target's id names it; a download in blocks reads it back."""
    note = talk.made("annotations", subject="s")
    assert blocks(talk, {"annotationid": note, "filename": "b.txt"}, [b"hello ", b"world"])["AnnotationId"] == note
    target = {"@odata.type": "Microsoft.Dynamics.CRM.annotation", "annotationid": note}
    begun = talk.done("POST", "InitializeAnnotationBlocksDownload", {"Target": target})
    assert (begun["FileName"], begun["FileSizeInBytes"]) == ("b.txt", 11)
    asked = {"FileContinuationToken": begun["FileContinuationToken"], "Offset": 6, "BlockLength": 4}
    assert base64.b64decode(talk.done("POST", "DownloadBlock", asked)["Data"]) == b"worl"


@pytest.mark.parametrize(
    ("filename", "size", "refused"), [("a.txt", 5_242_880, False), ("a.txt", 5_242_881, True), ("a.exe", 5, True)]
)
def test_size_and_extension_are_the_organisations_to_allow(talk: Talk, filename: str, size: int, refused: bool) -> None:
    """organization.maxuploadfilesize holds inline; extensions come from blockedattachments."""
    body = {"filename": filename, "documentbody": text(b"x" * size)}
    if refused:
        assert talk.refusal("POST", "annotations", body) == (400, "0x80043e09")
    else:
        talk.made("annotations", **body)


def test_a_document_that_is_no_base64_is_refused(talk: Talk) -> None:
    """Inline and in a block."""
    assert talk.refusal("POST", "annotations", {"documentbody": "not base64!"}) == (400, "0x80048d19")
    unknown = {"FileContinuationToken": "nobody's", "BlockId": BLOCK_IDS[0], "BlockData": text(b"x")}
    assert talk.refusal("POST", "UploadBlock", unknown) == (400, "0x80040203")


@pytest.fixture
def column(talk: Talk) -> str:
    """A file column of at most 1 MB on contact, and a contact: the address of its file."""
    table = talk.server.organization.table("contact")
    table.columns["new_scan"] = Column("new_scan", "new_Scan", "File", "", max_size_kb=1024)
    talk.server.organization.schema.refresh()
    return f"contacts({talk.made('contacts', lastname='x')})/new_scan"


def test_a_file_column_in_one_request(talk: Talk, column: str) -> None:
    """Stored, read whole and by range, removed."""
    assert talk.send("PATCH", column, PDF, x_ms_file_name="scan%20a.pdf").status == 204
    answer = talk.send("GET", f"{column}/$value")
    assert (answer.encoded(), answer.headers["x-ms-file-name"]) == (PDF, "scan a.pdf")
    part = talk.send("GET", f"{column}/$value", Range="bytes=2-4")
    assert (part.status, part.encoded(), part.headers["Content-Range"]) == (206, PDF[2:5], f"bytes 2-4/{len(PDF)}")
    assert talk.send("DELETE", column).status == 204
    assert talk.refusal("GET", f"{column}/$value")[0] == 404
    assert talk.server.organization.count("fileattachment") == 0


def test_a_file_column_in_chunks(talk: Talk, column: str) -> None:
    """200 with an address, 206 for a chunk, 204 for the last; a gap is refused."""
    begun = talk.send("PATCH", column, b"", "x-ms-file-name=a.bin", x_ms_transfer_mode="chunked")
    assert begun.status == 200 and int(begun.headers["x-ms-chunk-size"]) > 0
    path, _, query = begun.headers["Location"].removeprefix(f"{BASE}/api/data/v9.2/").partition("?")
    assert talk.send("PATCH", path, PDF[:100], query, Content_Range=f"bytes 0-99/{len(PDF)}").status == 206
    assert talk.refusal("PATCH", path, PDF[200:], query, Content_Range=f"bytes 200-{len(PDF) - 1}/{len(PDF)}")[0] == 400
    assert talk.send("PATCH", path, PDF[100:], query, Content_Range=f"bytes 100-{len(PDF) - 1}/{len(PDF)}").status == 204
    assert talk.send("GET", f"{column}/$value").encoded() == PDF


def test_a_file_column_has_its_own_maximum(talk: Talk, column: str) -> None:
    """MaxSizeInKB, fixed when the column was made; a file needs a name."""
    assert talk.refusal("PATCH", column, b"x" * (1024 * 1024 + 1), x_ms_file_name="a") == (400, "0x80043e09")
    assert talk.refusal("PATCH", column, b"x")[0] == 400
