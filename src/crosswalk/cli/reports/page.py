"""Views as one HTML page that needs nothing else: no script, no network, light and dark."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from importlib.resources import files

from jinja2 import Environment, StrictUndefined

from crosswalk.cli.views.blocks import Block, Cell, Toned, text_of


@dataclass(frozen=True, slots=True)
class Section:
    """A part of a page: `name` is its anchor."""

    name: str
    title: str
    blocks: Sequence[Block]


def page(title: str, subtitle: str, sections: Sequence[Section]) -> str:
    """The page. Whatever stands in the blocks is escaped."""
    environment = Environment(autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True)
    environment.filters.update({"cell": text_of, "tone": _tone})
    template = environment.from_string(files("crosswalk.cli.reports").joinpath("report.html.j2").read_text("utf-8"))
    made = datetime.now(UTC).isoformat(timespec="seconds")
    return template.render(title=title, subtitle=f"{subtitle} Made {made}.", sections=sections)


def _tone(cell: Cell) -> str:
    return cell.tone if isinstance(cell, Toned) else ""
