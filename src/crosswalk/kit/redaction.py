"""Repeating a server's words without repeating a patient's: values are blotted out, names of the schema stay."""

import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Any, cast

import orjson

_SHORTEST_VALUE = 4
_QUOTED = re.compile(r"“[^”]*”|\"[^\"]*\"|'[^']*'")


def blotted(words: str, bare: Sequence[re.Pattern[str]], sent: Iterable[str], is_name: Callable[[str, str], bool]) -> str:
    """A platform's words with every value replaced by an ellipsis.

    `bare` finds values that the platform does not quote. `sent` are the texts of the request: words nobody has met yet are
    blotted out by them too. What is quoted stays only if `is_name(words before it, what is quoted)`.

    >>> blotted('field "jobTitle" has no "Ada"', (), (), lambda before, _: before.endswith("field "))
    'field "jobTitle" has no "…"'
    """
    for pattern in bare:
        words = pattern.sub("…", words)
    for value in sorted({text for text in sent if len(text) >= _SHORTEST_VALUE and text in words}, key=len, reverse=True):
        words = words.replace(value, "…")

    def blot(match: re.Match[str]) -> str:
        text = match.group()
        return text if is_name(words[: match.start()], text[1:-1]) else f"{text[0]}…{text[-1]}"

    return _QUOTED.sub(blot, words)


def texts_in(body: Any) -> Iterator[str]:
    """Every text and number in a request body, at any depth; a body that is no JSON holds none that can be told."""
    if isinstance(body, bytes):
        try:
            yield from texts_in(orjson.loads(body))
        except orjson.JSONDecodeError:
            return
    elif isinstance(body, Mapping):
        for value in cast(Mapping[str, Any], body).values():
            yield from texts_in(value)
    elif isinstance(body, list | tuple):
        for value in cast(Sequence[Any], body):
            yield from texts_in(value)
    elif isinstance(body, str) or (isinstance(body, int | float) and not isinstance(body, bool)):
        yield str(body)
