"""What Twenty's refusals mean, and how to repeat their words without repeating a patient's (facts/twenty.md §10).

Twenty answers almost everything with 400, so refusals are classed by their words; its 429 names the limit.
"""

import re
from collections.abc import Iterable, Mapping
from typing import Any, cast

from crosswalk.kit.http import Answer
from crosswalk.kit.pacing import StatedLimit
from crosswalk.kit.redaction import blotted, texts_in
from crosswalk.model.errors import CrosswalkError, RejectedError, UncertainError, UnreachableError

KEY_VARIABLE = "CROSSWALK_TWENTY_API_KEY"

_LIMIT = re.compile(r"Limit reached \((\d+) tokens per (\d+) ms\)")
_CLASSES: tuple[tuple[str, str, str], ...] = (
    ("duplicate entry", "duplicate", "A record, perhaps a soft-deleted one, already holds this id or a unique value."),
    ("same unique field values", "duplicate", "Two records hold the unique values of one write."),
    ("record not found", "not_found", "The record was deleted in the destination."),
    ("foreign key constraint", "reference", "The referenced record does not exist: load its object first."),
    ("to connect to", "reference", "The referenced record does not exist: load its object first."),
    ("not found. eg:", "unknown_object", "Apply the schema plan, then try again."),
    ("doesn't have any", "unknown_field", "Apply the schema plan, then try again."),
    ("permission", "permission", "Give the API key's role the right to do this, in Settings → Roles."),
    ("forbidden", "permission", "Give the API key's role the right to do this, in Settings → Roles."),
    ("entity too large", "too_large", "Send fewer or smaller records at once."),
    ("maximum number of records", "too_large", "Send fewer records at once."),
    ("data validation error", "validation", "A text holds a character the database cannot store."),
)  # fmt: skip
_KEPT = re.compile(r"^(?:[a-z][A-Za-z0-9]*(?:\.[A-Za-z0-9]+)*|(?:FK|IDX|UQ|PK)_\w+)$")
_NAME_BEFORE = re.compile(r"(?:field|fields|object|relation|table|column|constraint|any|on type|select field)\s$", re.IGNORECASE)
_BARE_VALUES = (
    re.compile(r"(?<=value )(?![\"'“]).*?(?= for )", re.IGNORECASE | re.DOTALL),
    re.compile(r"(?<=is invalid ).+$", re.DOTALL),
    re.compile(r"(?<=File not found: ).+$", re.DOTALL),
    re.compile(r"(?<=found \d for ).+$", re.DOTALL),
    re.compile(r"(?<=unique field values for ).+?(?=\. Cannot|$)", re.DOTALL),
    re.compile(r"(?<=Key \().+?\)=\(.+?\)(?= )", re.DOTALL),
    re.compile(r"(?<=Valid values are: ).+$", re.DOTALL),
    re.compile(r"(?<= code )\+?\w+$"),
    re.compile(r"^.+(?= is not valid JSON)", re.DOTALL),
)


def without_values(words: str, sent: Iterable[str] = ()) -> str:
    """Twenty's words with every value blotted out; names of fields, objects and constraints stay.

    `sent` are the texts of the request.

    >>> without_values('Invalid string value 12 for text field "jobTitle"')
    'Invalid string value … for text field "jobTitle"'
    >>> without_values('Value "P-123" is not a valid UUID')
    'Value "…" is not a valid UUID'
    """
    return blotted(words, _BARE_VALUES, sent, _is_name)


def _is_name(before: str, quoted: str) -> bool:
    return _NAME_BEFORE.search(before) is not None and _KEPT.match(quoted.split(" - ")[0]) is not None


def _as_map(value: Any) -> Mapping[str, Any]:
    return cast(Mapping[str, Any], value) if isinstance(value, Mapping) else {}


def _as_list(value: Any) -> list[Any]:
    return cast(list[Any], value) if isinstance(value, list) else []


def first_graphql_error(answer: Answer) -> Mapping[str, Any] | None:
    """The first entry of a GraphQL answer's `errors` (sent with status 200), or None."""
    errors = _as_list(_as_map(answer.json()).get("errors"))
    return _as_map(errors[0]) if errors and isinstance(_as_map(errors[0]).get("message"), str) else None


def words_of(answer: Answer) -> str:
    """What a refusal says, values included: for classing only, never to be shown."""
    body = answer.json()
    if isinstance(body, str):
        return body
    content = _as_map(body)
    graphql = first_graphql_error(answer)
    if graphql is not None:
        return str(graphql["message"])
    said = content.get("messages") or content.get("message") or content.get("error")
    listed = _as_list(said)
    text = "; ".join(str(item) for item in listed) if listed else str(said or "")
    return text or answer.body[:300].decode("utf-8", "replace")


def stated_limit(answer: Answer) -> StatedLimit | None:
    """The limit a throttled answer names (§9), or None."""
    match = _LIMIT.search(words_of(answer))
    return StatedLimit(int(match[1]), int(match[2]) / 1000) if match else None


def is_throttled(answer: Answer) -> bool:
    """Over the request limit: REST says 429, GraphQL 200 with a sub-code. Either way nothing was carried out (§9)."""
    if answer.status == 429:
        return True
    error = first_graphql_error(answer) if answer.status == 200 else None
    return error is not None and _as_map(error.get("extensions")).get("subCode") == "LIMIT_REACHED"


def refusal(answer: Answer, place: str, body: Any = None) -> CrosswalkError:
    """The error for an answer that is no success. `place` names the request (`POST people`), never a value.

    UnreachableError for credentials, UncertainError for server errors that prove nothing, else RejectedError.
    """
    words = words_of(answer)
    lowered = words.lower()
    shown = without_values(words, texts_in(body))[:500]
    if _is_authentication(answer, lowered):
        return UnreachableError(
            f"Twenty does not accept the API key ({place}: {shown}).",
            f"Create a key in Settings → APIs & Webhooks and give it in {KEY_VARIABLE}.",
        )
    if 300 <= answer.status < 400:
        return UnreachableError(
            f"{place} was redirected (status {answer.status}).", "Give the address the server is really at, https included."
        )
    for part, code, remedy in _CLASSES:
        if part in lowered:
            return RejectedError(f"Twenty refused {place}: {shown}", code, remedy)
    if answer.status >= 500:
        return UncertainError(
            f"Twenty failed at {place} with status {answer.status}.",
            "Whether it was carried out is settled by reading the destination.",
        )
    code = "not_found" if answer.status == 404 else "validation"
    return RejectedError(f"Twenty refused {place}: {shown}", code, "Correct the value or the mapping.")


def _is_authentication(answer: Answer, lowered: str) -> bool:
    """§1: 401 with a bad key, 403 with none; GraphQL says it in a 200, and without a key knows no field."""
    if answer.status == 401 or (answer.status == 403 and "authentication" in lowered):
        return True
    error = first_graphql_error(answer)
    return error is not None and _as_map(error.get("extensions")).get("code") == "UNAUTHENTICATED"


def schema_refusal(answer: Answer, place: str) -> CrosswalkError:
    """As `refusal`, for metadata requests: the cause is dug out, and names are kept, since no record is involved (§8)."""
    causes = _causes(_as_map(answer.json()))
    if not causes:
        error = refusal(answer, place)
        if isinstance(error, RejectedError) and error.code == "validation":
            return RejectedError(f"Twenty refused {place}: {words_of(answer)[:500]}", "validation", "Correct the plan.")
        return error
    code, message = causes[0]
    if "reserved" in (code + message).lower():
        return RejectedError(
            f"Twenty keeps this name for itself: {message}",
            "reserved",
            "Choose another name for it in the mapping, then plan again.",
        )
    if code == "NOT_AVAILABLE":
        return RejectedError(
            f"The name is taken: {message}", "conflict", "Rename what holds it in Settings → Data model, or choose another name."
        )
    return RejectedError(f"Twenty refused {place}: {message}", "validation", "Correct the plan.")


def _causes(body: Mapping[str, Any]) -> list[tuple[str, str]]:
    """(code, message) of each validation error, the object's before its fields': the rest is fallout (§8)."""
    groups = _as_map(body.get("errors"))
    found: list[tuple[str, str]] = []
    for group in ("objectMetadata", "fieldMetadata"):
        for entry in _as_list(groups.get(group)):
            for error in _as_list(_as_map(entry).get("errors")):
                held = _as_map(error)
                found.append((str(held.get("code") or ""), str(held.get("message") or "")))
    return found
