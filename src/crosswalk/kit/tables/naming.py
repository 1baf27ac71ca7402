"""Names of objects made from names of files."""

import re
import unicodedata
from collections.abc import Collection

_COUNTED = re.compile(r"[\W_]*(?:\d+[\W_]*)+$")
_LONGEST = 60


def object_name(stem: str, taken: Collection[str]) -> str:
    """A plain name (a-z, 0-9, _) for an object from its file's or sheet's name, different from those taken.

    >>> object_name("Price List 2024", ()), object_name("Price List", {"price_list"})
    ('price_list_2024', 'price_list_2')
    """
    plain = unicodedata.normalize("NFKD", stem).encode("ascii", "ignore").decode()
    base = re.sub(r"[^a-z0-9]+", "_", plain.lower()).strip("_")[:_LONGEST] or "table"
    name, number = base, 1
    while name in taken:
        number += 1
        name = f"{base}_{number}"
    return name


def without_numbers(stem: str) -> str:
    """A file's name without a trailing date or counter, so that monthly exports share it.

    >>> without_numbers("visits_2024-05"), without_numbers("visits (2)"), without_numbers("2024")
    ('visits', 'visits', '2024')
    """
    return _COUNTED.sub("", stem) or stem
