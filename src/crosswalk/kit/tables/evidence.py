"""What a column's sampled values say about it."""

import re
from collections.abc import Callable, Collection, Sequence

_SHAPES: dict[str, re.Pattern[str]] = {
    "e-mail": re.compile(r"[^@\s]+@+[^@\s]+\.[A-Za-z]{2,}"),
    "phone": re.compile(r"[+(]?\d[\d\s().+/x-]{5,}.*", re.IGNORECASE),
    "date": re.compile(
        r"\d{1,4}[-/. ](\d{1,2}|[A-Za-z]{3,9})[-/. ,]+\d{1,4}.*"  # 2024-02-03, 03/02/2024, 3 Feb 2024
        r"|[A-Za-z]{3,9}\.? \d{1,2},? \d{4}.*"  # Feb 3, 2024
        r"|(19|20)\d{6}([T ]?\d{4,6})?"  # 20240203
        r"|\d{5}(\.\d+)?"  # a spreadsheet's day number
    ),
}
_MOST = 0.7
_LOOKED_AT = 300


def looks_like(kind: str, values: Sequence[str]) -> bool:
    """Whether most of a column's values look like an `e-mail`, a `phone`, a `date`, a `key` or a `file`.

    Without values nothing speaks against it.

    >>> looks_like("date", ["2024-02-03", "03/02/2024"]), looks_like("e-mail", ["Pune"]), looks_like("key", ["A", "A", "A"])
    (True, False, False)
    """
    values = values[:_LOOKED_AT]
    if not values:
        return kind != "e-mail"
    if kind == "key":
        return len(set(values)) >= 0.5 * len(values)
    shape = _SHAPES.get(kind)
    fits: Callable[[str], bool] = (lambda text: bool(shape.fullmatch(text.strip()))) if shape else (lambda _: True)
    return sum(1 for value in values if fits(value)) >= _MOST * len(values)


def shared_values(values: Sequence[str], others: Collection[str]) -> float:
    """The part (0..1) of the distinct values that the others hold too.

    >>> shared_values(["a", "a", "b"], {"a"})
    0.5
    """
    distinct = set(values)
    return len(distinct & set(others)) / len(distinct) if distinct else 0.0
