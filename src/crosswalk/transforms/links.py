"""Web addresses."""

import re
from urllib.parse import urlsplit, urlunsplit

from crosswalk.transforms.blanks import bare, blank_value
from crosswalk.transforms.contract import Result, Settings

_HOST = re.compile(r"(?:[^\W_](?:[\w-]*[^\W_])?\.)+(?:[^\W\d_]{2,}|xn--[a-z0-9-]+)", re.IGNORECASE)
_SEPARATORS = re.compile(r"[\s;,|]+")


def url(text: str, settings: Settings) -> Result:
    """The first web address of the cell, with scheme, host in lower case, no lone trailing slash (twenty.md §5).

    >>> url("www.NorthClinic.example/", Settings()), url("clinic, see door", Settings()).finding
    (Result(value='https://www.northclinic.example', finding=None), 'url_invalid')
    """
    answer = blank_value(text)
    if answer is not None:
        return answer
    words = [word for word in _SEPARATORS.split(bare(text)) if word]
    found = [address for word in words if (address := _address(word))]
    if not found:
        return Result(None, "url_invalid")
    return Result(found[0], "url_words_left" if len(words) > 1 else None)


def _address(word: str) -> str | None:
    try:
        parts = urlsplit(word if "://" in word else f"https://{word}")
        host, port = parts.hostname or "", parts.port
    except ValueError:
        return None
    if parts.scheme.lower() not in ("http", "https") or parts.username is not None or not _HOST.fullmatch(host):
        return None
    path = "" if parts.path == "/" and not parts.query and not parts.fragment else parts.path
    return urlunsplit((parts.scheme.lower(), f"{host}:{port}" if port else host, path, parts.query, parts.fragment))
