"""What Dataverse's refusals mean, and how to repeat their words without repeating a patient's (facts/dataverse.md §10).

A refusal carries a code, and the code says more than the status: a duplicate found by a rule is a 500. Codes and their
texts: facts/dataverse/error_codes.json.
"""

import re
from collections.abc import Iterable, Mapping
from typing import Any, cast

from crosswalk.kit.http import Answer
from crosswalk.kit.redaction import blotted, texts_in
from crosswalk.model.errors import CrosswalkError, RejectedError, UncertainError, UnreachableError

_ROLE = "Give the application user's security role this right in the Power Platform admin center."
_OWNER = "Choose another owner in the plan, or enable the user and give them a role that covers the table."
_PLAN = "Apply the schema plan, then try again."
_VALUE = "Correct the value or the mapping."
_CLASSES: Mapping[str, tuple[str, str]] = {
    "0x80040237": ("duplicate", "A record already holds this id."),
    "0x80060892": ("duplicate", "A record already holds this value of an alternate key."),
    "0x80040333": ("duplicate", "A duplicate detection rule found a record like it: merge them, or switch the rule off."),
    "0x8006089d": ("duplicate", "Several records hold this value of an alternate key."),
    "0x80040217": ("not_found", "The record, or one it refers to, does not exist: load its table first."),
    "0x80060891": ("not_found", "No record holds this value of the alternate key."),
    "0x80043507": ("not_found", "The record it regards does not exist: load its table first."),
    "0x80060890": ("unknown_field", _PLAN),
    "0x80041103": ("unknown_field", _PLAN),
    "0x80040e00": ("unknown_object", _PLAN),
    "0x80041102": ("unknown_object", _PLAN),
    "0x80044331": ("validation", "Shorten the text with a transform in the mapping."),
    "0x8004431a": ("validation", "Add the option to the column, or map the value to one that it has."),
    "0x80050222": ("validation", "Choose fewer options."),
    "0x8004432f": ("validation", _VALUE),
    "0x80044330": ("validation", _VALUE),
    "0x80040239": ("validation", "Dataverse keeps dates from 1753 on."),
    "0x80040278": ("validation", "Clean the text with a transform in the mapping."),
    "0x80040203": ("validation", _VALUE),
    "0x80048408": ("validation", "Map the state and the status reason to a pair that belongs together."),
    "0x80040210": ("validation", _OWNER),
    "0x80040229": ("validation", _OWNER),
    "0x8004022b": ("validation", _OWNER),
    "0x80040225": ("validation", _OWNER),
    "0x8004032d": ("validation", _OWNER),
    "0x80040233": ("read_only", "The record is completed or cancelled: reopen it, then try again."),
    "0x80040220": ("permission", _ROLE),
    "0x80040231": ("permission", f"{_ROLE} An owner needs a role that covers the table too."),
    "0x80048405": ("permission", _ROLE),
    "0x8004f507": ("permission", "Give the application user the column's field security profile."),
    "0x80040227": ("referenced", "Records that refer to it must be deleted or pointed elsewhere first."),
    "0x8004f01f": ("referenced", "Take it off the forms, views, flows and apps that use it first (“Show dependencies”)."),
    "0x80043e09": ("too_large", "Keep the file elsewhere, or have the organisation's limit or list of blocked types changed."),
    "0x80040375": ("too_large", "Keep the file elsewhere, or have the organisation's limit changed."),
    "0x80060882": ("conflict", "Somebody changed the record in between: read it anew."),
    "0x80071151": ("locked", "Another change of the organisation's definitions is under way: try again later."),
    "0x80071154": ("locked", "Another change of the organisation's definitions is under way: try again later."),
    "0x8004ed47": ("locked", "Another change of the organisation's definitions is under way: try again later."),
    "0x80047013": ("conflict", "The name is taken: choose another in the mapping, then plan again."),
    "0x80060304": ("conflict", "The name is taken: choose another in the mapping, then plan again."),
    "0x80060893": ("conflict", "The name is taken: choose another in the mapping, then plan again."),
    "0x80060894": ("conflict", "A key over these columns exists already."),
    "0x80044310": ("conflict", "The option exists already."),
    "0x80044366": ("reserved", "Names must begin with the publisher's prefix: choose another in the mapping, then plan again."),
    "0x80044367": ("reserved", "The name is too long: choose another in the mapping, then plan again."),
    "0x8004841a": ("rejected", "The table has as many columns as it can hold."),
    "0x80040265": ("rejected", "A plug-in of the organisation stopped it: see its trace log."),
}  # fmt: skip
LOCKED = frozenset({"locked"})
"""The reason that time heals: another change of the organisation's definitions is under way (§6.8)."""
UNKNOWN = frozenset({"unknown_field", "unknown_object"})
"""Reasons given for a table or a column that is not there, or that this web server has not heard of yet (§6.8)."""
ABSENT = UNKNOWN | {"not_found"}
"""Reasons given for a definition that is not there (any more, or yet)."""
NOT_YET = LOCKED | ABSENT
"""Reasons to ask again where what is built on was created a moment ago; Microsoft's own client asks again, too."""
_TIMEOUT = "0x80044151"
"""SQL timeout expired."""
_UNCERTAIN = frozenset({_TIMEOUT, "0x80040216", "0x80040224"})
"""Time-outs and failures that say nothing of what was carried out: with a status from 500 on."""
_NO_USER = "0x80072560"
"""“The user is not a member of the organization.”"""
_KEPT = re.compile(r"[A-Za-z][A-Za-z0-9]*(?:[._][A-Za-z0-9_]+)*(?:@odata\.\w+)?|\d{1,10}(?:,\d{1,3})*|\$\d+")
_NAME_BEFORE = re.compile(
    r"(?:attribute|entity|entity :|property|properties|resource|column|table|type|navigation|named|segment|field|key|of|length of|"
    r"value for|set|record of type|name)\s?[:=]?\s?(?:the )?$",
    re.IGNORECASE,
)
_BARE = (
    re.compile(r"(?<=The value )(?!of ).+?(?= of ')", re.DOTALL),
    re.compile(r"(?<=literal )(?!['\"]).+?(?= to )", re.DOTALL),
)
_STACK = re.compile(r"\s*(?:\r?\n|\s)at (?:Microsoft|System)\..*$", re.DOTALL)
_LONGEST_WORDS = 400


class FailedError(UncertainError):
    """Dataverse answered that it failed, which it may do again with the same record."""


def error_of(answer: Answer) -> tuple[str, str]:
    """Code (lower case, "" when there is none) and message of a refusal; values included: for classing, never to be shown."""
    body = answer.json()
    held = cast(Mapping[str, Any], body).get("error") if isinstance(body, Mapping) else None
    if not isinstance(held, Mapping):
        return "", answer.body[:300].decode("utf-8", "replace")
    error = cast(Mapping[str, Any], held)
    return str(error.get("code") or "").lower(), str(error.get("message") or "")


def without_values(words: str, sent: Iterable[str] = ()) -> str:
    """Dataverse's words with every value blotted out; names of tables, columns and keys stay.

    `sent` are the texts of the request.

    >>> without_values("Cannot convert the literal 'Ada' to the expected type 'Edm.Date'.")
    "Cannot convert the literal '…' to the expected type 'Edm.Date'."
    """
    return blotted(_STACK.sub("", words), _BARE, sent, _is_name)[:_LONGEST_WORDS]


def _is_name(before: str, quoted: str) -> bool:
    return _NAME_BEFORE.search(before) is not None and _KEPT.fullmatch(quoted) is not None


def refusal(answer: Answer, place: str, body: Any = None) -> CrosswalkError:
    """The error for an answer that is no success. `place` names the request (`POST contacts`), never a value.

    UnreachableError for credentials, UncertainError for server errors that prove nothing (FailedError where Dataverse itself
    says that it failed), else RejectedError.
    """
    code, words = error_of(answer)
    shown = f"{without_values(words, texts_in(body))} [{code or answer.status}]"
    unreachable = _unreachable(answer, code, place, shown)
    if unreachable is not None:
        return unreachable
    known = _CLASSES.get(code) or _by_words(code, words.lower())
    if known is None and (answer.status >= 500 or code in _UNCERTAIN):
        kind = FailedError if code and code != _TIMEOUT else UncertainError
        return kind(
            f"Dataverse failed at {place} with status {answer.status} [{code}].",
            "Whether it was carried out is settled by reading the destination.",
        )
    reason, remedy = known or _by_status(answer.status)
    return RejectedError(f"Dataverse refused {place}: {shown}", reason, remedy)


def _unreachable(answer: Answer, code: str, place: str, shown: str) -> UnreachableError | None:
    if answer.status == 401 or code == _NO_USER:
        return UnreachableError(
            f"Dataverse does not accept us ({place}: {shown}).",
            "Make the app registration an application user of this environment, with a security role; check the tenant.",
        )
    if 300 <= answer.status < 400:
        return UnreachableError(
            f"{place} was redirected (status {answer.status}).", "Give the address the organisation is really at, https included."
        )
    return None


def _by_words(code: str, words: str) -> tuple[str, str] | None:
    """Three codes stand for many causes: 0x80048d19 for whatever a payload has wrong, 0x80060888 and 0x8006088a for addresses
    (§10; the last for entity sets and functions that are not there, in Microsoft's page on custom APIs)."""
    if code not in {"0x80048d19", "0x80060888", "0x8006088a", ""}:
        return None
    if "undeclared property" in words or "property named" in words or "does not exist on type" in words:
        return "unknown_field", _PLAN
    if "resource not found for the segment" in words:
        return "unknown_object", _PLAN
    return ("validation", _VALUE) if code else None


def _by_status(status: int) -> tuple[str, str]:
    if status == 413:
        return "too_large", "Send fewer or smaller records at once."
    if status == 404:
        return "not_found", "It does not exist (any more)."
    if status == 403:
        return "permission", _ROLE
    return ("conflict", "Read the record anew.") if status == 412 else ("rejected", _VALUE)
