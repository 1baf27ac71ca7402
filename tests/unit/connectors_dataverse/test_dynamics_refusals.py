"""What refusals are classed as, and that they repeat no value (facts/dataverse.md §10)."""

from typing import Any

import orjson
import pytest

from crosswalk.connectors.dataverse.errors import refusal
from crosswalk.kit.http import Answer
from crosswalk.model.errors import RejectedError, UncertainError, UnreachableError


def answer(status: int, code: str, message: str) -> Answer:
    return Answer(status, {}, orjson.dumps({"error": {"code": code, "message": message}}))


@pytest.mark.parametrize(
    ("status", "code", "message", "reason"),
    [
        (412, "0x80040237", "A record with matching key values already exists.", "duplicate"),
        (412, "0x80060892", "Entity Key Source key violated. A record with the same value for Source already exists.", "duplicate"),
        (500, "0x80040333", "A record was not created or updated because a duplicate already exists.", "duplicate"),
        (404, "0x80040217", "account With Id = 00000000-0000-0000-0000-000000000001 Does Not Exist", "not_found"),
        (400, "0x80044331", "The length of the 'subject' attribute of the 'task' entity exceeded '200'.", "validation"),
        (400, "0x8004431A", "The value 99 of 'gendercode' on record of type 'contact' is outside the valid range.", "validation"),
        (400, "0x80048408", "7 is not a valid status code for state code.", "validation"),
        (400, "0x80048d19", "An undeclared property 'pulse_x' which only has property annotations in the payload", "unknown_field"),
        (400, "0x80048d19", "Cannot convert the literal 'Ada' to the expected type 'Edm.Date'.", "validation"),
        (400, "0x80060888", "Could not find a property named 'x' on type 'Microsoft.Dynamics.CRM.contact'.", "unknown_field"),
        (404, "0x8006088a", "Resource not found for the segment 'x'.", "unknown_object"),
        (400, "0x80041102", "The entity with a name = 'x' was not found in the MetadataCache.", "unknown_object"),
        (400, "0x8004f01f", "The Attribute component cannot be deleted because it is referenced by 1 others.", "referenced"),
        (403, "0x80040220", "Principal user is missing prvCreateContact privilege", "permission"),
        (403, "0x80040231", "Target user or team does not hold required privileges.", "permission"),
        (400, "0x8004022b", "The specified owner has been disabled.", "validation"),
        (405, "0x80040227", "The object you tried to delete is associated with another object.", "referenced"),
        (400, "0x80043e09", "The attachment is either not a valid type or is too large.", "too_large"),
        (412, "0x80060882", "The version of the existing record doesn't match the RowVersion property provided.", "conflict"),
        (429, "0x80071154", "The current operation failed due to another concurrent operation.", "locked"),
        (413, "", "", "too_large"),
        (400, "0x8004ffff", "Never heard of.", "rejected"),
    ],
)
def test_a_refusal_is_classed_by_its_code(status: int, code: str, message: str, reason: str) -> None:
    """Code first, words for the two codes that stand for everything, status last."""
    error = refusal(answer(status, code, message), "POST contacts")
    assert isinstance(error, RejectedError)
    assert error.code == reason
    assert error.remedy
    assert "POST contacts" in error.message


@pytest.mark.parametrize(
    ("status", "code", "kind"),
    [
        (500, "0x80040216", UncertainError),
        (500, "0x80044151", UncertainError),
        (503, "", UncertainError),
        (401, "", UnreachableError),
        (403, "0x80072560", UnreachableError),
        (302, "", UnreachableError),
    ],
)
def test_what_is_no_refusal_of_the_record(status: int, code: str, kind: type) -> None:
    """Failures that prove nothing are uncertain; refused credentials and redirections are unreachable."""
    assert isinstance(refusal(answer(status, code, "Generic."), "POST contacts"), kind)


@pytest.mark.parametrize(
    ("message", "body", "secret", "kept"),
    [
        (
            "Error identified in Payload provided by the user for Entity :'contacts', InnerException : Microsoft.OData."
            "ODataException: Cannot convert the literal 'Ada Lovelace' to the expected type 'Edm.Date'.",
            {"birthdate": "Ada Lovelace"},
            "Ada",
            "'contacts'",
        ),
        (
            "The length of the 'subject' attribute of the 'task' entity exceeded the maximum allowed length of '200'.",
            {},
            "~",
            "'200'",
        ),
        ("Something about Lovelace happened.", b'{"lastname":"Lovelace"}', "Lovelace", "Something about"),
        ('A value "Ada O\'Neil" is wrong', {}, "Ada", "is wrong"),
        ("Failed.\r\n   at Microsoft.Crm.Extensibility.Foo(String secret)", {}, "secret", "Failed."),
        ("Cannot convert the literal 'asthma' to the expected type 'Edm.Int32'.", None, "asthma", "'Edm.Int32'"),
    ],
)
def test_values_are_left_out_and_names_stay(message: str, body: Any, secret: str, kept: str) -> None:
    """What was sent, what stands in quotation marks after no name, and stack traces are not repeated (law 8)."""
    error = refusal(answer(400, "0x80048d19", message), "POST contacts", body)
    assert secret not in error.message
    assert kept in error.message
