"""Values out of a small set: yes and no, gender, blood group, and the value of an option of the destination."""

import hashlib
import re
import unicodedata

from crosswalk.transforms.blanks import bare, blank_text, blank_value
from crosswalk.transforms.contract import Result, Settings
from crosswalk.transforms.text import cleaned

_YES = frozenset(
    {"yes", "y", "true", "t", "1", "1.0", "on", "✓", "✔", "☑", "granted", "given", "consented", "accepted", "agreed", "opted in"}
    | {"haan", "haa", "ha", "han", "ji", "हाँ", "हां", "जी", "sí", "oui", "ja"}
)
_NO = frozenset(
    {"no", "n", "false", "f", "0", "0.0", "off", "✗", "✘", "☐", "declined", "refused", "denied", "rejected", "withdrawn"}
    | {"opted out", "nahi", "nahin", "naa", "नहीं", "ना", "non", "nein", "not given", "not granted"}
)
_GENDERS = {
    **dict.fromkeys(("m", "male", "man", "boy", "mr", "masculino", "hombre", "männlich", "purush", "पुरुष", "ஆண்"), "MALE"),
    **dict.fromkeys(("f", "female", "woman", "girl", "w", "mrs", "ms", "femenino", "mujer", "weiblich"), "FEMALE"),
    **dict.fromkeys(("mahila", "stri", "महिला", "स्त्री", "பெண்"), "FEMALE"),
    **dict.fromkeys(("o", "other", "others", "x", "d", "divers", "t", "tg", "transgender", "third gender"), "OTHER"),
    **dict.fromkeys(("non-binary", "nonbinary", "non binary", "intersex", "अन्य"), "OTHER"),
}
_BLOOD = re.compile(
    r"(?:blood\s*group\s*[:\-]?\s*)?(?P<group>AB|A|B|O|0)(?P<subgroup>[12](?P<b>B)?)?\s*[-,]?\s*"
    r"(?:rh(?:esus)?(?:\s*\(?d\)?)?\s*)?[\(\[]?\s*(?:(?P<plus>\+\s*(?:ve|positive)?|pos(?:itive)?|plus|p)"
    r"|(?P<minus>-\s*(?:ve|negative)?|neg(?:ative)?|minus|n))\s*[\)\]]?\.?",
    re.IGNORECASE,
)
_BLOOD_WITHOUT_RHESUS = re.compile(r"(?:AB|A|B|O|0)[12]?B?", re.IGNORECASE)
_MINUS = str.maketrans({"−": "-", "–": "-", "—": "-", "＋": "+"})

# Signs that tell two labels apart ("O+" from "O-"); all other punctuation separates words.
_SIGN_WORDS = (
    (re.compile(r"\+"), " PLUS "),
    (re.compile(r"(?:^|(?<=\s))-(?=\w)|(?<=\w)\s?-\s*$"), " MINUS "),
    (re.compile(r"%"), " PERCENT "),
    (re.compile(r"&"), " AND "),
    (re.compile(r"<"), " LESS "),
    (re.compile(r">"), " MORE "),
)
_NOT_OPTION = re.compile(r"[^A-Z0-9]+")
_LONGEST_OPTION = 60


def yes_or_no(text: str) -> bool | None:
    """True or False for a word that means yes or no, None for any other text."""
    word = cleaned(text).strip().rstrip(".").lower()
    return True if word in _YES else False if word in _NO else None


def boolean(text: str, settings: Settings) -> Result:
    """Yes or no, in English and the words clinics use; anything else is boolean_unknown.

    >>> boolean("Y", Settings()), boolean("declined", Settings()), boolean("maybe", Settings()).finding
    (Result(value=True, finding=None), Result(value=False, finding=None), 'boolean_unknown')
    """
    answer = blank_value(text)
    if answer is not None:
        return answer
    meaning = yes_or_no(text)
    return Result(meaning, "boolean_unknown" if meaning is None else None)


def gender(text: str, settings: Settings) -> Result:
    """MALE, FEMALE or OTHER; "U" and "unknown" are nothing, other words gender_unknown.

    >>> gender("F", Settings()), gender("Transgender", Settings()).value
    (Result(value='FEMALE', finding=None), 'OTHER')
    """
    answer = blank_value(text)
    if answer is not None:
        return answer
    word = cleaned(text).strip().rstrip(".").lower()
    if word in ("u", "unk", "not specified", "unspecified"):
        return Result(None)
    value = _GENDERS.get(word)
    return Result(value, None if value else "gender_unknown")


def blood_group(text: str, settings: Settings) -> Result:
    """A_POSITIVE to O_NEGATIVE. Without rhesus factor it is no blood group; of A1, A2B the subgroup goes, with a finding.

    >>> blood_group("O +ve", Settings()).value, blood_group("AB-", Settings()).value, blood_group("B Positive", Settings()).value
    ('O_POSITIVE', 'AB_NEGATIVE', 'B_POSITIVE')
    >>> blood_group("A", Settings()), blood_group("A1B Rh neg", Settings())
    (Result(value=None, finding='blood_group_incomplete'), Result(value='AB_NEGATIVE', finding='blood_subgroup'))
    """
    answer = blank_value(text)
    if answer is not None:
        return answer
    written = bare(text).translate(_MINUS)
    match = _BLOOD.fullmatch(written)
    if match is None:
        incomplete = _BLOOD_WITHOUT_RHESUS.fullmatch(written)
        return Result(None, "blood_group_incomplete" if incomplete else "blood_group_unknown")
    group = match["group"].upper().replace("0", "O")
    if match["subgroup"] and group not in ("A", "AB"):
        return Result(None, "blood_group_unknown")
    group = "AB" if match["b"] else group
    value = f"{group}_{'POSITIVE' if match['plus'] else 'NEGATIVE'}"
    return Result(value, "blood_subgroup" if match["subgroup"] else None)


def option(text: str, settings: Settings) -> Result:
    """The UPPER_SNAKE value of an option with this label (twenty.md §6 SELECT); never begins with a digit.

    Letters without a Latin form are told apart by a hash of the label, so equal labels always give equal values.

    >>> option("Follow-up", Settings()).value, option("2nd visit", Settings()).value, option("O+", Settings()).value
    ('FOLLOW_UP', 'V_2ND_VISIT', 'O_PLUS')
    >>> option("पुरुष", Settings()).value
    'V_115CC568'
    """
    answer = blank_text(text)
    if answer is not None:
        return answer
    label = " ".join(cleaned(text).split())
    if label.lower() in ("", "null"):
        return Result(None)
    worded = label.translate(_MINUS)
    for sign, word in _SIGN_WORDS:
        worded = sign.sub(word, worded)
    plain = "".join(letter for letter in unicodedata.normalize("NFKD", worded) if not unicodedata.combining(letter)).upper()
    value = _NOT_OPTION.sub("_", plain).strip("_")
    latin = not any(letter.isalnum() and not letter.isascii() for letter in plain)
    if not value or not latin or len(value) > _LONGEST_OPTION:
        digest = hashlib.sha256(label.casefold().encode("utf-8", "replace")).hexdigest()[:8].upper()
        value = f"{value[: _LONGEST_OPTION - 12].strip('_')}_{digest}".strip("_")
    return Result(value if value[0].isalpha() else f"V_{value}")
