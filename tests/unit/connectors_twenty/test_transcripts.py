"""The connector's reading of real Twenty 2.21 answers, from the recorded transcripts (skipped where they are absent)."""

import json
import re
from pathlib import Path
from typing import Any

import pytest

from crosswalk.connectors.twenty.describe import raw_fields, to_description
from crosswalk.connectors.twenty.errors import is_throttled, refusal, schema_refusal, stated_limit, without_values
from crosswalk.connectors.twenty.fields import Leaves
from crosswalk.connectors.twenty.probes import _hooks  # pyright: ignore[reportPrivateUsage]
from crosswalk.kit.http import Answer
from crosswalk.kit.pacing import StatedLimit
from crosswalk.kit.redaction import texts_in
from crosswalk.model.destination_schema import DestinationObject
from crosswalk.model.errors import RejectedError, UncertainError, UnreachableError

FOLDER = Path(__file__).parents[4] / "shared" / "facts" / "twenty_transcripts"
pytestmark = pytest.mark.skipif(not FOLDER.is_dir(), reason=f"the recorded transcripts are not at {FOLDER}")


def transcript(name: str) -> Any:
    return json.loads((FOLDER / f"{name}.json").read_text())


def answer(name: str) -> Answer:
    held = transcript(name)
    body = held["body"]
    return Answer(held["status"], {}, (body if isinstance(body, str) else json.dumps(body)).encode())


def ledgers() -> DestinationObject:
    """The custom object that the recorder gave one field of each type."""
    item = transcript("meta_get_object")["body"]
    item["fields"] = [field for field in item["fields"] if isinstance(field, dict)]
    described = to_description([item], {}, "http://recorded")
    return described.object("billingLedgers")


@pytest.mark.parametrize(
    ("path", "kind"),
    [
        ("amount.value", "money"), ("body.markdown", "rich_text"), ("patientId", "reference"), ("qty", "integer"),
        ("sourceId", "text"), ("docs", "file"), ("billingAddress.addressCity", "text"), ("urls.secondaryLinks", "json"),
        ("createdBy.context", "json"), ("paidAt", "datetime"), ("id", "id"),
    ],
)  # fmt: skip
def test_a_recorded_object_is_described(path: str, kind: str) -> None:
    """Every leaf with its neutral type; one-to-many sides are none."""
    field = ledgers().field(path)
    assert field and field.type == kind


def test_uniqueness_and_reverse_sides() -> None:
    """isUnique reaches the leaf; reverse relations are no leaves."""
    item = ledgers()
    source = item.field("sourceId")
    assert source and source.unique
    assert item.field("attachments") is None and item.field("noteTargetsId") is None


def test_a_recorded_row_flattens_to_what_was_written() -> None:
    """Every value the recorder sent is in the answer, in canonical form (§6)."""
    values = Leaves(ledgers()).flatten(transcript("custom_create_full")["body"]["data"]["createBillingLedger"])
    assert values["amount.value"] == "1999.99"
    assert values["paidAt"] == "2024-02-29T04:41:12.345Z"
    assert values["body.markdown"] == "# Head\n\n- a\n- b\n\n**bold** [l](https://x.test)"
    assert values["urls.secondaryLinks"] == [{"url": "https://b.test", "label": "B"}]
    assert (values["tel.primaryPhoneNumber"], values["tel.additionalPhones"]) == ("2025550123", None)
    assert values["createdBy.context"] is None
    assert values["billingAddress.addressCity"] is None


def test_a_recorded_request_is_what_we_would_send() -> None:
    """Leaves of the recorded answer build the recorded request's parts again."""
    held = transcript("custom_create_full")
    item = ledgers()
    values = Leaves(item).flatten(held["body"]["data"]["createBillingLedger"])
    sent = Leaves(item).unflatten(
        {path: values[path] for path in ("amount.value", "amount.currencyCode", "tags", "rawData")}, clear=False
    )
    assert sent == {key: held["request"][key] for key in ("amount", "tags", "rawData")}


def test_a_recorded_person_s_author() -> None:
    """IMPORT with context.run is ours; the workflow's hand shows as automation (§11)."""
    ours = Leaves(ledgers()).row(transcript("createdBy_ctx")["body"]["data"]["createPerson"])
    assert (ours.created_by.kind, ours.created_by.marker) == ("import", "r1")
    people: list[Any] = transcript("page_0")["body"]["data"]["people"]
    touched = next(item for item in people if not isinstance(item, str) and item["updatedBy"]["source"] == "APPLICATION")
    assert Leaves(ledgers()).row(touched).updated_by.kind == "automation"


@pytest.mark.parametrize(
    ("name", "error", "code"),
    [
        ("batch_one_dup_email", RejectedError, "duplicate"),
        ("upsert_id_and_email_conflict", RejectedError, "duplicate"),
        ("bad_fk_missing", RejectedError, "reference"),
        ("fk_connect_missing", RejectedError, "reference"),
        ("not_found", RejectedError, "not_found"),
        ("missing_object_batch", RejectedError, "unknown_object"),
        ("batch_one_bad_unknown_field", RejectedError, "unknown_field"),
        ("batch_create_201", RejectedError, "too_large"),
        ("val_nul_char", RejectedError, "validation"),
        ("wrong_type_text", RejectedError, "validation"),
        ("workspaceMember_create", RejectedError, "permission"),
        ("gql_destroy_missing", RejectedError, "not_found"),
        ("auth_badjwt", UnreachableError, None),
        ("gql_bad_auth", UnreachableError, None),
    ],
)
def test_refusals_are_classed_by_their_words(name: str, error: type[Exception], code: str | None) -> None:
    """Status 400 proves nothing about the cause, the words do (§10)."""
    seen = refusal(answer(name), "POST people")
    assert isinstance(seen, error)
    assert code is None or (isinstance(seen, RejectedError) and seen.code == code)


def test_a_server_error_that_proves_nothing_is_uncertain() -> None:
    """Only known words make a 500 a refusal."""
    assert isinstance(refusal(Answer(500, {}, b'{"statusCode":500,"messages":["boom"]}'), "POST people"), UncertainError)
    assert isinstance(refusal(Answer(500, {}, b"request entity too large"), "POST people"), RejectedError)
    assert isinstance(refusal(Answer(502, {}, b"<html>bad gateway</html>"), "POST people"), UncertainError)


@pytest.mark.parametrize("name", ["ratelimit_rest", "ratelimit_graphql"])
def test_throttling_is_seen_in_both_shapes(name: str) -> None:
    """REST 429, GraphQL 200 with a sub-code; both state the limit (§9)."""
    assert is_throttled(answer(name))
    assert stated_limit(answer(name)) == StatedLimit(100, 60.0)


def refused_writes() -> list[str]:
    """Names of the recorded record writes that were refused."""
    records = {path.stem: json.loads(path.read_text()) for path in sorted(FOLDER.glob("*.json")) if "meta" not in path.stem}
    return [
        name
        for name, held in records.items()
        if isinstance(held, dict) and held.get("status", 0) >= 400 and held["method"] in {"POST", "PATCH"}
    ]


@pytest.mark.parametrize("name", refused_writes())
def test_no_recorded_refusal_repeats_a_value(name: str) -> None:
    """For every refused write on record: none of the values sent is in the error."""
    held = transcript(name)
    said = re.findall(r"[\w@.+-]+", str(refusal(answer(name), "POST people")))
    assert {value for value in texts_in(held["request"]) if value in said} <= {"id"}


@pytest.mark.parametrize(
    ("words", "kept"),
    [
        ('Object person doesn\'t have any "bloodType" field.', "bloodType"),
        ('insert or update on table "person" violates foreign key constraint "FK_ee066d"', "FK_ee066d"),
        ("Invalid UUID value 'abc' for field \"companyId\"", "companyId"),
        ('Invalid value "Done" for field "status". Valid values are: TODO, DONE', "status"),
        ('Invalid value [ 1, 2 ] for field "codes - Array values need to be string"', "codes"),
    ],
)
def test_names_of_fields_stay_readable(words: str, kept: str) -> None:
    """Blotting out values leaves the words of use."""
    assert kept in without_values(words)


@pytest.mark.parametrize(
    "words",
    [
        'Invalid string value \'Rao "Asha" Rao\' for email field "emails.primaryEmail"',
        "Provided phone number is invalid Asha Rao",
        'Key ("emailsPrimaryEmail")=(asha.rao@example.test) already exists.',
        'invalid input syntax for type date: "Asha"',
        'Invalid value Asha\nRao for date field "paidOn"',
    ],
)
def test_odd_words_keep_no_value_either(words: str) -> None:
    """Quotes in values, bare values, database details."""
    shown = without_values(words)
    assert "Asha" not in shown and "asha" not in shown


def test_words_never_met_keep_no_sent_value() -> None:
    """A refusal in words no transcript knows is cleaned by what was sent."""
    words = b'{"statusCode":400,"messages":["Cannot parse asha.rao@x.test for Asha Rao"]}'
    sent = b'[{"name":{"firstName":"Asha Rao"},"emails":{"primaryEmail":"asha.rao@x.test"}}]'
    shown = str(refusal(Answer(400, {}, words), "POST people", sent))
    assert "Asha" not in shown and "x.test" not in shown


@pytest.mark.parametrize(
    ("name", "code"),
    [
        ("meta_object_reserved", "reserved"),
        ("meta_create_field_dup_name", "conflict"),
        ("meta_relation_idname_clash", "conflict"),
        ("meta_create_field_select_digit", "validation"),
        ("meta_create_field_missing_label", "validation"),
    ],
)
def test_schema_refusals_give_the_cause(name: str, code: str) -> None:
    """The true cause comes before its fallout (§8)."""
    seen = schema_refusal(answer(name), "POST /rest/metadata/fields")
    assert isinstance(seen, RejectedError) and seen.code == code
    assert "not found" not in str(seen)


def test_fields_come_plain_or_as_a_connection() -> None:
    """Both forms that versions answer with."""
    plain = {"fields": [{"name": "a"}]}
    connection = {"fields": {"edges": [{"node": {"name": "a"}}]}}
    assert [field["name"] for field in raw_fields(plain)] == [field["name"] for field in raw_fields(connection)] == ["a"]


def test_recorded_webhooks_are_read() -> None:
    """The bare list of 2.21, and the wrapped forms."""
    bare = transcript("webhook_list")["body"]
    for form in (bare, {"data": bare}, {"data": {"webhooks": bare}}):
        assert [hook["operations"] for hook in _hooks(form)] == [["person.*"]]
