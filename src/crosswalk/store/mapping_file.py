"""mapping.yaml: the map as people read and edit it, and as the engine approves it."""

import io
import re
from pathlib import Path
from typing import Any

from pydantic import ValidationError
from ruamel.yaml import YAML
from ruamel.yaml.comments import CommentedMap, CommentedSeq
from ruamel.yaml.error import YAMLError
from ruamel.yaml.scalarstring import DoubleQuotedScalarString

from crosswalk.model.errors import UsageError
from crosswalk.model.mapping import Mapping

HEADER = """The map of this migration: what becomes what. Read it, change it, then seal it: crosswalk approve --by "Your Name" map
Any change after that needs a new approval. What each word means: docs/guides/mapping.md
`unmapped` at the end lists the source fields that go nowhere, `notes` what you should know before you approve."""

_UNPLAIN = re.compile("[^\x20-\x7e\xa0-\ud7ff\ue000-\ufefe\uff00-\ufffd\U00010000-\U0010ffff]|[\u2028\u2029]|^[?:-]")
"""What only a double-quoted text keeps: line ends, tabs, controls and marks that YAML folds, drops or
forbids, and a first character that it takes for its own."""
FLOW_WIDTH = 150
"""A field that fits this many characters stands on one line."""


def load_yaml(path: Path) -> Any:
    """The plain values of a YAML file. Raises UsageError with the line when it cannot be read."""
    try:
        return YAML(typ="safe", pure=True).load(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise UsageError(f"{path.name} cannot be read: {error.strerror}", "Run `crosswalk map` to make it.") from None
    except (YAMLError, UnicodeDecodeError) as error:
        raise UsageError(f"{path.name} is not valid YAML: {' '.join(str(error).split())}", "Correct that line.") from None


def read_mapping(path: Path) -> Mapping:
    """The map in a file. Raises UsageError naming each place that is wrong."""
    return mapping_from(load_yaml(path), path.name)


def mapping_from(content: Any, name: str) -> Mapping:
    """A map from plain values. Raises UsageError naming each place that is wrong."""
    try:
        return Mapping.model_validate(content)
    except ValidationError as error:
        places = [f"{'.'.join(str(part) for part in item['loc'])}: {item['msg']}" for item in error.errors(include_input=False)]
        raise UsageError(
            f"{name}: " + "; ".join(places[:10]), "Correct these places; docs/guides/mapping.md says what may stand there."
        ) from None


def mapping_text(mapping: Mapping) -> str:
    """The file's text: short fields on one line each, in the map's order."""
    plain = mapping.model_dump(mode="json", by_alias=True, exclude_defaults=True)
    content = CommentedMap({"version": 1, **{key: value for key, value in plain.items() if key not in ("version", "based_on")}})
    for key in plain:
        if key in content:
            content[key] = _laid_out(content[key])
    content.yaml_set_start_comment(HEADER)
    writer = YAML()
    writer.width = 4000
    writer.indent(mapping=2, sequence=4, offset=2)
    stream = io.StringIO()
    writer.dump(content, stream)
    return stream.getvalue()


def _laid_out(value: Any, depth: int = 0) -> Any:
    """Nested plain values with everything short enough in flow style."""
    if isinstance(value, dict):
        items: dict[str, Any] = value  # pyright: ignore[reportUnknownVariableType]
        result = CommentedMap({_laid_out(key): _laid_out(item, depth + 1) for key, item in items.items()})
        if depth >= 2 and len(str(items)) <= FLOW_WIDTH:
            result.fa.set_flow_style()
        return result
    if isinstance(value, list):
        rows: list[Any] = value  # pyright: ignore[reportUnknownVariableType]
        listed = CommentedSeq([_laid_out(item, max(depth + 1, 2)) for item in rows])
        if depth >= 2 and len(str(rows)) <= FLOW_WIDTH:
            listed.fa.set_flow_style()
        return listed
    if isinstance(value, str) and _UNPLAIN.search(value):
        return DoubleQuotedScalarString(value)
    return value
