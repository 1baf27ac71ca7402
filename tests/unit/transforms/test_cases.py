"""What each transform answers, country by country: the tables in `cases/` are the specification."""

import json
from datetime import date
from decimal import Decimal
from pathlib import Path

import pytest

from crosswalk.transforms import names
from crosswalk.transforms.contract import Settings, Value
from crosswalk.transforms.registry import TRANSFORMS, transform

CASES = Path(__file__).parent / "cases"
COUNTRIES = {path.stem: json.loads(path.read_text("utf-8")) for path in CASES.glob("*.json") if path.stem != "names"}
TABLE = [
    pytest.param(name, country["settings"], *case, *[None] * (3 - len(case)), id=f"{stem}-{name}-{case[0]!r}")
    for stem, country in COUNTRIES.items()
    for name, cases in country["cases"].items()
    for case in cases
]
NAMES: dict[str, dict[str, str]] = json.loads((CASES / "names.json").read_text("utf-8"))


def as_json(value: Value) -> object:
    """The value as the tables write it: dates and moments in ISO, decimals as text."""
    if isinstance(value, date):
        return value.isoformat()
    return str(value) if isinstance(value, Decimal) else value


@pytest.mark.parametrize(("name", "settings", "text", "value", "finding"), TABLE)
def test_answers_as_the_table_says(name: str, settings: dict[str, object], text: str, value: object, finding: str | None) -> None:
    """A text gives the value and the finding of the table."""
    answer = transform(name).function(text, Settings(**settings))  # pyright: ignore[reportArgumentType]
    assert (as_json(answer.value), answer.finding) == (value, finding)


def test_every_transform_has_cases() -> None:
    """No transform is without a row in the tables; names have a table of their own."""
    covered = {name for country in COUNTRIES.values() for name in country["cases"]}
    assert {name for name in TRANSFORMS if not name.startswith("person_name.")} == covered


@pytest.mark.parametrize(("text", "parts"), NAMES.items(), ids=NAMES)
def test_names_split_as_the_table_says(text: str, parts: dict[str, str]) -> None:
    """A name falls into the parts of the table and no others."""
    found = {part: getattr(names.parse(text), part) for part in ("title", "given", "middle", "family", "suffix")}
    assert {part: words for part, words in found.items() if words} == parts
