"""Which columns identify a record, judged from the sample."""

import re
from collections.abc import Sequence

_KEY_WORDS = re.compile(r"(?i)(?:^|.*[\s_.-])(?:id|no|number|code|key|uid|uuid|guid|ref|#)\.?$|.*[a-z](?:ID|Id)$")
_ENOUGH = 20


def is_key(cells: Sequence[str]) -> bool:
    """Whether a column declared as the source's key can be it: mostly filled, and mostly distinct once there are enough rows.

    A few repeated keys are duplicates to fold; a column that repeats most of its values counts something else.
    """
    filled = [cell.strip() for cell in cells if cell.strip()]
    if not filled or len(filled) * 2 < len(cells):
        return not cells
    return len(filled) < _ENOUGH or len(set(filled)) >= 0.7 * len(filled)


def holds_lines(key: Sequence[str], others: Sequence[Sequence[str]]) -> bool:
    """Whether rows that share a key are lines of one thing (drugs of a prescription, items of a bill), not copies of a record:
    in more than a few keys they differ in the columns that would tell lines apart.

    >>> holds_lines(["R1", "R1", "R2", "R2"], [["iron", "zinc", "iron", "zinc"]])
    True
    """
    if not others or any(len(column) != len(key) for column in others):
        return False
    seen: dict[str, set[tuple[str, ...]]] = {}
    for value, *told in zip(key, *others, strict=True):
        if value.strip():
            seen.setdefault(value, set()).add(tuple(told))
    return sum(1 for lines in seen.values() if len(lines) > 1) >= max(2, 0.02 * len(seen))


def likely_key(names: Sequence[str], sample: dict[str, list[str]]) -> str | None:
    """The first column that is named like a key and never blank or repeated in the sample, else None.

    >>> likely_key(["Name", "Item No"], {"Name": ["a", "b"], "Item No": ["1", "2"]})
    'Item No'
    """
    for name in names:
        cells = sample.get(name, [])
        if cells and _KEY_WORDS.match(name) and all(cell.strip() for cell in cells) and len(set(cells)) == len(cells):
            return name
    return None
