"""mapping.yaml: what a person writes is what is approved, and what is wrong in it is named."""

from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from crosswalk.model.errors import UsageError
from crosswalk.model.mapping import Mapping
from crosswalk.store.mapping_file import load_yaml, mapping_from, mapping_text, read_mapping

GOOD = """
version: 1
source: pulse
destination: twenty
sample_root: people
records:
  people:
    to: people
    from: patients
    fields:
      name: {from: Name}
      born: {from: DOB, create: {type: date, label: Born}}
"""
WRONG = [
    ("a word nobody knows", ("from: Name}", "from: Name, form: x}"), "records.people.fields.name.form"),
    ("a word nobody knows at the top", ("source: pulse", "source: pulse\ncolour: red"), "colour"),
    ("two ways to a value", ("from: Name}", 'from: Name, template: "{Name}"}'), "records.people.fields.name"),
    ("no way to a value", ("{from: Name}", "{required: true}"), "records.people.fields.name"),
    ("a type nobody knows", ("type: date", "type: birthday"), "records.people.fields.born.create.type"),
    ("a missing part", ("    to: people\n", ""), "records.people.to"),
    ("a place twice", ("      name: {from: Name}\n", "      name: {from: Name}\n      name: {from: DOB}\n"), "duplicate key"),
    ("a record twice", ("records:\n", "records:\n  people: {}\n"), "duplicate key"),
    ("names that differ by case", ("      born:", "      Name: {from: X}\n      born:"), "differ by case"),
    ("a bracket left open", ("{from: Name}", "{from: Name"), "not valid YAML"),
    ("a list where a record belongs", ("  people:\n", "  - people:\n"), "not valid YAML|records"),
    (
        "a value twice in a value map",
        ("from: Name}", "from: Name, values: {Male: M, MALE: X}}"),
        "records.people.fields.name.values",
    ),
    ("words of nothing", ("{from: Name}", "{words_of: shoes}"), "shoes"),
    ("words of words", ("{from: Name}", "{words_of: name}"), "name"),
    ("beside nothing", ("from: Name}", "from: Name, beside: shoes}"), "shoes"),
    ("a number beyond 64 bits", ("{from: Name}", "{constant: 9223372036854775808}"), "64 bits"),
    ("lines without a fold", ("{from: Name}", '{lines: "{Name}"}'), "fold"),
    ("a gather of nothing", ("{from: Name}", "{gather: {from: x, match: {A: B}}}"), "lines or items"),
    ("a match by no field", ("    from: patients\n", "    from: patients\n    match: {by: [shoes]}\n"), "shoes"),
    ("a record that is a path", ("  people:\n", "  ../people:\n"), "records"),
    (
        "a join that is SQL",
        ("    from: patients\n", "    from: patients\n    joins: {'x) y': {from: a, match: {B: C}}}\n"),
        "joins",
    ),
    ("an order of dates nobody writes", ("records:", "date_orders: {patients: {DOB: ydm}}\nrecords:"), "date_orders.patients.DOB"),
    ("another version", ("version: 1", "version: 2"), "version"),
    ("a tag that runs code", ("source: pulse", "source: !!python/object/apply:os.system ['true']"), "not valid YAML"),
]


@pytest.mark.parametrize(("change", "words"), [case[1:] for case in WRONG], ids=[case[0] for case in WRONG])
def test_what_is_wrong_in_a_map_is_named_with_its_place(tmp_path: Path, change: tuple[str, str], words: str) -> None:
    """A UsageError says where, what is wrong and what to do; no map is half read."""
    path = tmp_path / "mapping.yaml"
    assert GOOD.count(change[0]) == 1
    path.write_text(GOOD.replace(*change), encoding="utf-8")
    with pytest.raises(UsageError, match=words) as refused:
        read_mapping(path)
    assert "mapping.yaml" in refused.value.message
    assert refused.value.remedy


def test_a_map_that_is_not_there_or_not_text_says_so(tmp_path: Path) -> None:
    """A missing file and a binary one are named, not raised as they come."""
    with pytest.raises(UsageError, match="cannot be read"):
        load_yaml(tmp_path / "mapping.yaml")
    (tmp_path / "mapping.yaml").write_bytes(b"\xff\xfe\x00\x80")
    with pytest.raises(UsageError, match="not valid YAML"):
        load_yaml(tmp_path / "mapping.yaml")


def test_layout_and_remarks_change_nothing(tmp_path: Path) -> None:
    """The digest that is approved is that of the content: reordering keys and remarks need no new approval."""
    path = tmp_path / "mapping.yaml"
    digests: set[str] = set()
    for text in (GOOD, "# read twice\n" + GOOD.replace("name: {from: Name}", "name:\n        from: 'Name'")):
        path.write_text(text, encoding="utf-8")
        digests.add(read_mapping(path).digest())
    assert len(digests) == 1


TEXTS = st.one_of(
    st.text(st.characters(exclude_categories=["Cs"]), max_size=20),
    st.sampled_from(["yes", "no", "null", "~", "1", "0x1F", "1e5", "2024-01-02", "- x", "a: b",
     "#", "", " x ", "'", '"', "\0", "a\nb\n", "*a", "&a", "!x"]),
)  # fmt: skip
CONSTANTS = st.one_of(TEXTS, st.integers(-(2**63), 2**63 - 1), st.floats(allow_nan=False, allow_infinity=False), st.booleans())


def valued(text: str, values: list[str]) -> dict[str, Any]:
    """A column through a value map."""
    return {"from": text, "values": {value.strip(): "X" for value in values}}


def constant(value: str | float | bool) -> dict[str, Any]:
    """A constant of any kind."""
    return {"constant": value}


def templated(text: str, label: str) -> dict[str, Any]:
    """A template into a field that is to be created."""
    return {"template": text, "create": {"type": "option", "label": label, "options": [[label, text]]}}


def gathered(text: str) -> dict[str, Any]:
    """Lines of another object."""
    return {"gather": {"from": text, "match": {text: "Id"}, "lines": text}, "unique": {}}


FIELDS = st.one_of(
    st.builds(valued, TEXTS, st.lists(TEXTS, max_size=4)),
    st.builds(constant, CONSTANTS),
    st.builds(templated, TEXTS, TEXTS),
    st.builds(gathered, TEXTS),
)


@settings(deadline=None, max_examples=50)
@given(
    fields=st.dictionaries(st.from_regex("[a-z]{1,6}(\\.[a-z]{1,4})?", fullmatch=True), FIELDS, min_size=1, max_size=3), note=TEXTS
)
def test_every_map_survives_the_file(tmp_path_factory: pytest.TempPathFactory, fields: dict[str, Any], note: str) -> None:
    """Whatever headers and values an export holds: the map that was proposed is the map that is read back."""
    plain: dict[str, Any] = {"source": "s", "destination": "d", "sample_root": "people", "notes": [note]}
    mapping: Mapping = mapping_from({**plain, "records": {"people": {"to": "p", "from": "r", "fields": fields}}}, "map")
    path = tmp_path_factory.getbasetemp() / "mapping.yaml"
    path.write_text(mapping_text(mapping), encoding="utf-8", newline="")
    assert read_mapping(path).digest() == mapping.digest()


@pytest.mark.parametrize("word", ["a  b ", "x: ", "# ", "é\t", "- \n"])
def test_long_text_is_not_broken_over_lines(tmp_path: Path, word: str) -> None:
    """A template of thousands of characters comes back with every blank of it."""
    fields = {"name": {"template": word * 1500}}
    plain: dict[str, Any] = {"source": "s", "destination": "d", "sample_root": "people"}
    mapping = mapping_from({**plain, "records": {"people": {"to": "p", "from": "r", "fields": fields}}}, "map")
    (tmp_path / "mapping.yaml").write_text(mapping_text(mapping), encoding="utf-8", newline="")
    assert read_mapping(tmp_path / "mapping.yaml") == mapping
