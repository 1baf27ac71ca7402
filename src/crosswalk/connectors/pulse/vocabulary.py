"""Pulse's words for objects and columns, read from vocabulary.yaml, and how a header is compared with them."""

import re
import unicodedata
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from typing import Literal

from pydantic import Field
from ruamel.yaml import YAML

from crosswalk.model.artefact import Frozen

_WORDS = re.compile(r"[A-Z]?[a-z]+|[A-Z]+(?![a-z])|\d+|[^\W\d_a-zA-Z]+")
Phrase = frozenset[str]
ValueKind = Literal["any", "key", "date", "e-mail", "phone", "file"]


class Concept(Frozen):
    """One column's meaning: the headers people give it, what its values look like, and whose key it holds."""

    aliases: tuple[str, ...]
    values: ValueKind = "any"
    refers: str | None = None


class ObjectWords(Frozen):
    """One object: its nouns, file names, key, and concepts.

    `needs` are groups of concepts of each of which one must be there; `telling` are concepts few other objects have.
    """

    noun: tuple[str, ...]
    files: tuple[str, ...]
    key: tuple[str, ...]
    business_key: tuple[str, ...] = ()
    modified: str | None = None
    needs: tuple[tuple[str, ...], ...]
    telling: tuple[str, ...] = ()
    concepts: dict[str, Concept]


class _VocabularyFile(Frozen):
    words: dict[str, tuple[str, ...]]
    ignored_words: frozenset[str]
    not_exportable: tuple[str, ...]
    objects: dict[str, ObjectWords] = Field(min_length=1)


@dataclass(frozen=True, slots=True)
class Match:
    """A header that means a concept. `quality` is 1 for the alias itself and less for the same words otherwise put."""

    concept: str
    quality: float
    reason: str


class Vocabulary:
    """The vocabulary, ready to compare headers with."""

    def __init__(self, content: _VocabularyFile) -> None:
        self.objects = content.objects
        self.not_exportable = content.not_exportable
        self._canonical = {word: name for name, words in content.words.items() for word in words}
        self._ignored = content.ignored_words
        self._phrases = {name: dict(self._aliases(item)) for name, item in content.objects.items()}
        self._nouns = {name: self.phrase(" ".join(item.noun)) for name, item in content.objects.items()}

    def phrase(self, header: str) -> Phrase:
        """The header's words, each in its usual form, whatever their case, order and punctuation."""
        words = (self._canonical.get(word, word) for word in words_of(header))
        return frozenset(word for word in words if word not in self._ignored)

    def match(self, object_name: str, header: str) -> Match | None:
        """What a header means in an object, else None."""
        phrases, squeezed = self._phrases[object_name], "".join(words_of(header))
        exact = phrases.get(frozenset({squeezed}))
        if exact:
            return Match(exact[0], 1.0, f"header is the alias “{exact[1]}”")
        phrase = self.phrase(header)
        found = phrases.get(phrase)
        if found:
            return Match(found[0], 0.95, f"header has the words of “{found[1]}”")
        without = phrase - self._nouns[object_name]
        found = phrases.get(without) if without else None
        return Match(found[0], 0.9, f"header is “{found[1]}” with the object's name") if found and without != phrase else None

    def file_fits(self, object_name: str, stem: str) -> bool:
        """Whether a file's or sheet's name speaks of the object."""
        phrase = frozenset(word for word in self.phrase(_letters(stem)) if not word.isdigit())
        return any(self.phrase(name) == phrase for name in self.objects[object_name].files)

    def _aliases(self, item: ObjectWords) -> Iterator[tuple[Phrase, tuple[str, str]]]:
        """Phrase → (concept, alias); earlier concepts and whole spellings go first."""
        found: dict[Phrase, tuple[str, str]] = {}
        for whole in (True, False):
            for concept, words in item.concepts.items():
                for alias in words.aliases:
                    phrase = frozenset({"".join(words_of(alias))}) if whole else self.phrase(alias)
                    found.setdefault(phrase, (concept, alias))
        return iter(found.items())


def words_of(text: str) -> tuple[str, ...]:
    """The words of a header in lower case and without accents.

    >>> words_of("Pt. UHID-No"), words_of("patientId")
    (('pt', 'uhid', 'no'), ('patient', 'id'))
    """
    plain = "".join(letter for letter in unicodedata.normalize("NFKD", text) if not unicodedata.combining(letter))
    return tuple(word.casefold() for word in _WORDS.findall(plain))


@cache
def load_vocabulary() -> Vocabulary:
    """The shipped vocabulary."""
    text = files("crosswalk.connectors.pulse").joinpath("vocabulary.yaml").read_text("utf-8")
    return Vocabulary(_VocabularyFile.model_validate(YAML(typ="safe").load(text)))


def _letters(stem: str) -> str:
    return re.sub(r"[\d_]+", " ", stem)
