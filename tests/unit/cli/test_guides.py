"""The guides describe what is there: every verb, every word of mapping.yaml."""

from pathlib import Path

import pytest
from pydantic import BaseModel

from crosswalk.cli.app import VERBS
from crosswalk.model import mapping
from crosswalk.transforms.registry import TRANSFORMS

GUIDES = Path(__file__).parents[3] / "docs" / "guides"
MODELS: list[type[BaseModel]] = [
    mapping.Mapping, mapping.Settings, mapping.RecordMapping, mapping.FieldMapping, mapping.Join, mapping.Gather, mapping.Match,
    mapping.Total, mapping.Unmapped,
]  # fmt: skip
WORDS = sorted({field.alias or name for model in MODELS for name, field in model.model_fields.items()} - {"based_on"})


@pytest.mark.parametrize("word", WORDS)
def test_mapping_guide_describes_every_word(word: str) -> None:
    """docs/guides/mapping.md leaves no word of the file unexplained."""
    text = (GUIDES / "mapping.md").read_text("utf-8")
    assert f"`{word}" in text or f"{word}:" in text


@pytest.mark.parametrize("name", sorted(TRANSFORMS))
def test_mapping_guide_names_every_transform(name: str) -> None:
    """A transform nobody can find is not there."""
    text = (GUIDES / "mapping.md").read_text("utf-8")
    assert f"`{name}`" in text or f"`.{name.partition('.')[2]}`" in text


@pytest.mark.parametrize("verb", [verb for verbs in VERBS.values() for verb in verbs])
def test_command_line_guide_names_every_verb(verb: str) -> None:
    """docs/guides/command-line.md walks through all verbs."""
    assert f"crosswalk {verb}" in (GUIDES / "command-line.md").read_text("utf-8").replace(" -C clinic", "")
