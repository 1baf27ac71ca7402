"""Text as people wrote it, without what no person sees: line, several lines, lower and upper case, and codes."""

import re
import unicodedata

from crosswalk.transforms.blanks import bare, blank_text
from crosswalk.transforms.contract import Result, Settings

_LINE_ENDS = re.compile("\r\n?|[\x0b\x0c\x85\u2028\u2029]")
_SPACES = re.compile("[\xa0\u1680\u2000-\u200a\u202f\u205f\u3000]")
# Controls (NUL makes Twenty answer 500, twenty.md §6 TEXT), lone surrogates, zero-width spaces, soft hyphens, markers.
_UNSEEN = re.compile("[\x00-\x08\x0e-\x1f\x7f-\x84\x86-\x9f\xad\u200b\u2060-\u2064\ufeff\ufff9-\ufffb\ud800-\udfff]")
# ZWNJ and ZWJ shape Indic and Arabic words and build emoji: they stay after such a character and go elsewhere.
_STRAY_JOINERS = re.compile(
    "(?<![\u0590-\u08ff\u0900-\u0dff\u1000-\u109f\u1780-\u17ff\u1800-\u18af\ua8e0-\ua8ff\ufb1d-\ufdff\ufe70-\ufefc"
    "\u203c-\u3299\ufe0f\U0001f000-\U0001faff])[\u200c\u200d]"
)
_RIGHT_TO_LEFT = re.compile("[\u0590-\u08ff\ufb1d-\ufdff\ufe70-\ufefc]")
_DIRECTION_MARKS = re.compile("[\u200e\u200f\u061c\u202a-\u202e\u2066-\u2069]")
_PLAIN = re.compile(r"[!-~](?:[ -~]*[!-~])?")
_ONE_LINE = re.compile(r"[ ]*[\n\t][\n\t ]*")
_SCIENTIFIC = re.compile(r"\d(?:\.\d+)?[eE]\+\d+")


def cleaned(text: str) -> str:
    """Unicode NFC with plain spaces and line ends, without controls and invisible characters; not trimmed.

    Line feeds, tabs and inner runs of blanks stay. Direction marks stay in texts with right-to-left letters.

    >>> cleaned("Asha\\xa0Rao\\x00\\u200b\\r\\nPune")
    'Asha Rao\\nPune'
    """
    if _PLAIN.fullmatch(text):
        return text
    text = _LINE_ENDS.sub("\n", text)
    text = _UNSEEN.sub("", _SPACES.sub(" ", text))
    if not _RIGHT_TO_LEFT.search(text):
        text = _DIRECTION_MARKS.sub("", text)
    return unicodedata.normalize("NFC", _STRAY_JOINERS.sub("", text))


def text(text: str, settings: Settings) -> Result:
    """The text, cleaned and trimmed; line feeds and tabs inside stay.

    >>> text("  Cafe\\u0301 No\\xa05 ", Settings())
    Result(value='Café No 5', finding=None)
    """
    return blank_text(text) or Result(cleaned(text).strip() or None)


def multiline(text: str, settings: Settings) -> Result:
    """A document: cleaned, line ends as line feeds, its own first and last lines and indentation kept.

    >>> multiline("\\r\\n# Plan\\r\\n  rest\\r\\n", Settings())
    Result(value='\\n# Plan\\n  rest\\n', finding=None)
    """
    answer = blank_text(text)
    if answer is not None:
        return answer
    document = cleaned(text)
    return Result(document if document.strip() else None)


def line(text: str, settings: Settings) -> Result:
    """The text on one line: line feeds and tabs become one space.

    >>> line("12 MG Road\\nPune", Settings())
    Result(value='12 MG Road Pune', finding=None)
    """
    return blank_text(text) or Result(_ONE_LINE.sub(" ", cleaned(text).strip()) or None)


def lower(text: str, settings: Settings) -> Result:
    """The text in lower case.

    >>> lower(" FINISHED", Settings())
    Result(value='finished', finding=None)
    """
    return blank_text(text) or Result(_composed(cleaned(text).strip().lower()) or None)


def upper(text: str, settings: Settings) -> Result:
    """The text in upper case.

    >>> upper("ma", Settings())
    Result(value='MA', finding=None)
    """
    return blank_text(text) or Result(_composed(cleaned(text).strip().upper()) or None)


def code(text: str, settings: Settings) -> Result:
    """A code (PIN, SNOMED, policy number) exactly as written but for outer blanks: leading zeros stay.

    A number in Excel's scientific notation has lost digits; it is kept, with a finding.

    >>> code(" 01905", Settings())
    Result(value='01905', finding=None)
    >>> code("1.23457E+11", Settings())
    Result(value='1.23457E+11', finding='scientific_notation')
    """
    answer = blank_text(text)
    if answer is not None:
        return answer
    written = bare(text).replace("\x00", "")
    return Result(written, "scientific_notation" if _SCIENTIFIC.fullmatch(written) else None)


def _composed(text: str) -> str:
    # Changing case can decompose a character ("İ" becomes i and a dot), so compose again.
    return unicodedata.normalize("NFC", text)
