"""Names in Dataverse: publisher prefixes and schema names (facts/dataverse.md §6.1)."""

import re
import unicodedata

from crosswalk.model.errors import RejectedError

_LOGICAL = re.compile(r"(?P<prefix>[a-z][a-z0-9]{1,7})_(?P<rest>[a-z0-9_]+)")
_WORD = re.compile(r"[A-Za-z0-9]+")


def prefix_of(logical: str) -> str:
    """The publisher prefix a custom name starts with. RejectedError `reserved` for names no publisher could own.

    >>> prefix_of("pulse_bloodtype")
    'pulse'
    """
    match = _LOGICAL.fullmatch(logical)
    if match is None:
        raise RejectedError(
            f"“{logical}” cannot be the name of something created in Dataverse.",
            "reserved",
            "Start it with a publisher prefix of 2 to 8 lower-case letters or digits and an underscore, as `pulse_bloodtype`, "
            "and use lower-case letters, digits and underscores only.",  # facts/dataverse.md §6.1
        )
    return match["prefix"]


def schema_name(logical: str, label: str) -> str:
    """The name with capitals: the label's words where they are the name's, else the logical name as it stands.

    >>> schema_name("pulse_bloodtype", "Blood type"), schema_name("pulse_patientid", "Patient")
    ('pulse_BloodType', 'pulse_PatientId')
    >>> schema_name("new_bloodtype__c", "Blood type"), schema_name("pulse_dob", "Date of birth")
    ('new_BloodType__c', 'pulse_dob')
    >>> schema_name("pulse_sourcesystemid", "Source system ID")
    'pulse_SourceSystemId'
    """
    prefix, _, rest = logical.partition("_")
    words = "".join(_capital(word) for word in _WORD.findall(_plain(label)))
    if not words or not rest.startswith(words.lower()):
        return logical
    suffix = rest[len(words) :]
    if suffix == "id":
        return f"{prefix}_{words}Id"
    return f"{prefix}_{words}{suffix}" if not suffix or suffix.startswith("_") else logical


def _plain(label: str) -> str:
    """Letters without their accents, since names are ASCII."""
    return unicodedata.normalize("NFKD", label).encode("ascii", "ignore").decode()


def _capital(word: str) -> str:
    return word.capitalize() if word.isupper() else word[:1].upper() + word[1:]
