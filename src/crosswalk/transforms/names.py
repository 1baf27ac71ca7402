"""Splits a person's name as written in one field. Every word of the name lands in exactly one part; none is lost."""

import dataclasses
import re
from dataclasses import dataclass
from functools import lru_cache

from nameparser import Lexicon, Parser, Policy, Role

from crosswalk.transforms.blanks import blank_text
from crosswalk.transforms.contract import Result, Settings
from crosswalk.transforms.name_words import DEGREES, DEGREES_OR_NAMES, GENERATIONS, MARIAN, TITLES
from crosswalk.transforms.text import cleaned

_SIMPLE = re.compile(r"[^\W\d_]+\d*(?:['’\-][^\W\d_]+\d*)?")
_INITIAL = re.compile(r"[A-Z]\.")
_ROMAN = re.compile(r"[IVX]+\.?", re.IGNORECASE)
_PLAIN_TITLES = frozenset({"mr", "mrs", "ms", "miss", "dr", "smt", "shri"})
_DIGITS = re.compile(r"\d+")
_WORD = re.compile(r"([^\s,]+)(\s*,)?")
_GLUED_TITLE = re.compile(r"^((?:dr|mr|mrs|ms|prof|smt|shri|adv)\.)(?=[^\W\d_]{2})", re.IGNORECASE)
# "Asha Rao W/o Ram Lal": whose wife, son or daughter. What follows names another person.
_RELATION = re.compile(r"(?<=[^\s(,])\s*,?\s+([swdhc]\s?/\s?o\b.*|(?:son|wife|daughter|widow|husband) of\s.*)", re.IGNORECASE)
_MARIA = frozenset({"maría", "maria", "ma", "mª"})
_LONGEST_NAME = 200
_PARSER = Parser(
    dataclasses.replace(
        Lexicon.default(),
        titles=TITLES,
        given_name_titles=frozenset(),
        after_given_titles=frozenset(),
        suffix_words=GENERATIONS,
        suffix_acronyms=DEGREES,
        suffix_acronyms_ambiguous=DEGREES_OR_NAMES,
        honorific_tails=frozenset(),
    ),
    Policy(segment_scripts=frozenset(), strip_emoji=False, strip_bidi=False, unlisted_dotted_suffixes=False),
)


@dataclass(frozen=True, slots=True)
class PersonName:
    """The parts of a name. given is the first given name or initial, middle the other ones and nicknames."""

    title: str = ""
    given: str = ""
    middle: str = ""
    family: str = ""
    suffix: str = ""

    @property
    def given_all(self) -> str:
        """All given names: given and middle."""
        return f"{self.given} {self.middle}".strip()


# Words that decide a reading; two words without one are a given and a family name.
_DECIDING = (
    _PARSER.lexicon.particles
    | _PARSER.lexicon.conjunctions
    | _PARSER.lexicon.bound_given_names
    | _PARSER.lexicon.maiden_markers
    | TITLES
    | GENERATIONS
    | DEGREES
)
_PARTS = {
    Role.TITLE: "title",
    Role.GIVEN: "given",
    Role.MIDDLE: "middle",
    Role.NICKNAME: "middle",
    Role.FAMILY: "family",
    Role.MAIDEN: "family",
    Role.SUFFIX: "suffix",
}


@lru_cache(maxsize=65536)
def parse(text: str) -> PersonName:
    """Splits a name. A single name is the given name, as CRMs show a record without one badly.

    Names without Latin letters are split like others, the last word being the family name; Chinese, Japanese and Korean
    ones begin with it. Every word of the text is in one part; only commas go.

    >>> parse("Dr. Rao, Asha Devi")
    PersonName(title='Dr.', given='Asha', middle='Devi', family='Rao', suffix='')
    >>> parse("K R Narayanan").given_all, parse("Asha W/o Ram Lal")
    ('K R', PersonName(title='', given='Asha', middle='', family='', suffix='W/o Ram Lal'))
    """
    text = cleaned(text).strip()
    words = text.split()
    if not words:
        return PersonName()
    plain = _plain(words)
    if plain:
        return plain
    if len(text) > _LONGEST_NAME:
        given, _, family = text.rpartition(" ")
        return PersonName(given=given or family, family=family if given else "")
    relation = _RELATION.search(text)
    name = split_words(_GLUED_TITLE.sub(r"\1 ", text[: relation.start()] if relation else text))
    if relation:
        name = dataclasses.replace(name, suffix=f"{name.suffix} {relation[1]}".strip())
    return name


def _plain(words: list[str]) -> PersonName | None:
    """The parts where no word decides anything: perhaps a title, then given names, then the family name.

    A shortcut for most names of most clinics, a hundred times quicker than the parser and equal to it.
    """
    titled = len(words) > 1 and words[0].rstrip(".").lower() in _PLAIN_TITLES
    title, rest = (words[0], words[1:]) if titled else ("", words)
    if len(rest) > 4 or not all(_INITIAL.fullmatch(word) or _undecided(word) for word in rest):
        return None
    if _ROMAN.fullmatch(rest[-1]):
        return None
    family = rest[-1] if len(rest) > 1 else ""
    return PersonName(title, rest[0], " ".join(rest[1:-1]), family)


def _undecided(word: str) -> bool:
    return bool(_SIMPLE.fullmatch(word)) and word.isascii() and word.lower() not in _DECIDING


def split_words(text: str) -> PersonName:
    roles: list[tuple[int, Role]] = [(token.span.start, token.role) for token in _PARSER.parse(text).tokens if token.span]
    parts: dict[str, list[str]] = {"title": [], "given": [], "middle": [], "family": [], "suffix": []}
    part = "given"
    for match in _WORD.finditer(text):
        word = match[1]
        role = next((role for start, role in roles if match.start(1) <= start < match.end(1)), None)
        # A word that is no part of its own (née, a bracket) stays with the word before it.
        part = _PARTS[role] if role else part
        if part == "title" and word.strip(".").lower() not in TITLES and not _joins_titles(word):
            # "Mohd." and "Md." look like titles and are given names.
            part = "given"
        comma = "," if match[2] and part == "suffix" else ""
        parts[part].append(word + comma)
    return _balanced(parts)


def _joins_titles(word: str) -> bool:
    return word.lower() in ("&", "and")


def _balanced(parts: dict[str, list[str]]) -> PersonName:
    """The name with a given name wherever there is any, and with Marian names whole."""
    given, family = parts["given"], parts["family"]
    if not (given or family or parts["middle"]):
        given, parts["title"] = parts["title"] or parts["suffix"], []
        parts["suffix"] = [] if given is parts["suffix"] else parts["suffix"]
    elif not given and len(family) == 1:
        given, family = family, []
    marian = _marian(given, family)
    middle = parts["middle"] + family[:marian]
    suffix = " ".join(parts["suffix"]).removesuffix(",")
    return PersonName(" ".join(parts["title"]), " ".join(given), " ".join(middle), " ".join(family[marian:]), suffix)


def _marian(given: list[str], family: list[str]) -> int:
    """How many first words of the family name belong to a Marian given name: 2 in "del Carmen27 Bravo546"."""
    if not given or given[-1].strip(".").lower() not in _MARIA or not family or family[0].lower() not in ("de", "del"):
        return 0
    place = 2 if len(family) > 1 and family[1].lower() in ("la", "los", "las") else 1
    if len(family) < place + 2:
        return 0
    return place + 1 if _DIGITS.sub("", family[place]).lower() in MARIAN else 0


def _part(text: str, part: str) -> Result:
    return blank_text(text) or Result(getattr(parse(text), part) or None)


def title(text: str, settings: Settings) -> Result:
    """Titles before the name.

    >>> title("Smt. Indira Gandhi", Settings())
    Result(value='Smt.', finding=None)
    """
    return _part(text, "title")


def given(text: str, settings: Settings) -> Result:
    """The first given name or initial.

    >>> given("Claudia969 Pacheco179", Settings()), given("Asha", Settings())
    (Result(value='Claudia969', finding=None), Result(value='Asha', finding=None))
    """
    return _part(text, "given")


def middle(text: str, settings: Settings) -> Result:
    """The given names after the first, and nicknames in brackets or quotes.

    >>> middle("Asha (Guddi) Rao", Settings())
    Result(value='(Guddi)', finding=None)
    """
    return _part(text, "middle")


def given_all(text: str, settings: Settings) -> Result:
    """All given names, for CRMs without a middle name: with family, title and suffix nothing of the name is lost.

    >>> given_all("María del Carmen27 Bravo546", Settings())
    Result(value='María del Carmen27', finding=None)
    """
    return _part(text, "given_all")


def family(text: str, settings: Settings) -> Result:
    """The family name with its particles; none where the name is a single word.

    >>> family("Juan de la Vega", Settings()), family("Asha", Settings())
    (Result(value='de la Vega', finding=None), Result(value=None, finding=None))
    """
    return _part(text, "family")


def suffix(text: str, settings: Settings) -> Result:
    """Generation, degrees, and the person a patient is filed under as wife, son or daughter.

    >>> suffix("Dr Ravi Rao, MBBS, MD", Settings())
    Result(value='MBBS, MD', finding=None)
    """
    return _part(text, "suffix")
