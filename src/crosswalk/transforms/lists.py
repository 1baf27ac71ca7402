"""Several values in one cell."""

import re

from crosswalk.transforms.blanks import blank_text
from crosswalk.transforms.contract import Result, Settings
from crosswalk.transforms.text import cleaned

_STRONG = re.compile(r"[;|\n]")
_BULLET = re.compile(r"^(?:[•‣·*\-–]\s+|\d{1,2}[.)]\s+)")


def split(text: str, settings: Settings) -> Result:
    """The values between semicolons, bars or line feeds; between commas only where none of those is.

    Commas in brackets and between digits separate nothing. Each value comes once, in writing order, without bullets.

    >>> split("Penicillin (oral, IV), Latex", Settings()).value, split("Dander, hair; Mold; Mold", Settings()).value
    (['Penicillin (oral, IV)', 'Latex'], ['Dander, hair', 'Mold'])
    """
    answer = blank_text(text)
    if answer is not None:
        return answer
    whole = cleaned(text)
    pieces = _STRONG.split(whole) if _STRONG.search(whole) else _at_commas(whole)
    values = (_BULLET.sub("", piece.strip()).strip() for piece in pieces)
    return Result(list(dict.fromkeys(value for value in values if value)) or None)


def _at_commas(text: str) -> list[str]:
    pieces, depth, start = list[str](), 0, 0
    for place, sign in enumerate(text):
        if sign in "([{":
            depth += 1
        elif sign in ")]}":
            depth = max(0, depth - 1)
        elif sign == "," and depth == 0 and not _between_digits(text, place):
            pieces.append(text[start:place])
            start = place + 1
    return [*pieces, text[start:]]


def _between_digits(text: str, place: int) -> bool:
    return text[place - 1 : place].isdigit() and text[place + 1 : place + 2].isdigit()
