"""A server's words without a patient's."""

import re

import pytest

from crosswalk.kit.redaction import blotted, texts_in

BARE = (re.compile(r"(?<=value )\w+(?= of)"),)


@pytest.mark.parametrize(
    ("words", "shown"),
    [
        ('field "name" holds "Asha"', 'field "name" holds "…"'),
        ("the value Asha of field 'name'", "the value … of field 'name'"),
        ("Asha Rao is there already", "… is there already"),
        ("field “Asha Rao”", "field “…”"),
        ("nothing to hide", "nothing to hide"),
    ],
)
def test_values_go_and_names_stay(words: str, shown: str) -> None:
    """Quoted, bare and sent values are blotted out; a name stays where a name belongs."""
    assert blotted(words, BARE, ["Asha Rao", "is"], lambda before, quoted: before.endswith("field ") and quoted.islower()) == shown


def test_texts_are_found_at_any_depth() -> None:
    """Texts and numbers, not truth values; a file's bytes hold none that can be told."""
    body = {"a": ["x", {"b": 7, "c": (1.5, True, None)}], "d": b'{"e": "y"}', "f": b"%PDF"}
    assert list(texts_in(body)) == ["x", "7", "1.5", "y"]
