"""The profile as one HTML page that needs nothing else: no script, no network, light and dark (A4)."""

from importlib.resources import files
from typing import Any

from jinja2 import Environment, StrictUndefined

from crosswalk.model.extraction import Extraction
from crosswalk.model.profile import Profile
from crosswalk.model.source_schema import SourceSchema

_SEVERITIES = ("blocking", "warning", "info")
_DELIMITERS = {",": "comma", ";": "semicolon", "\t": "tab", "|": "bar"}


def profile_html(profile: Profile, schema: SourceSchema, extraction: Extraction) -> str:
    """The page. It holds names of columns and files, counts and shapes, and values only of enumerations that are not personal."""
    environment = Environment(autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True)
    filters: dict[str, Any] = {"thousands": "{:,}".format, "share": _share}
    environment.filters.update(filters)
    template = environment.from_string(files("crosswalk.stages.reports").joinpath("profile.html.j2").read_text("utf-8"))
    ignored: dict[str, list[str]] = {}
    for name, reason in schema.ignored:
        ignored.setdefault(reason, []).append(name)
    return template.render(
        profile=profile,
        schema=schema,
        extraction=extraction,
        total=sum(item.staged for item in profile.objects),
        findings=sorted(profile.findings, key=lambda finding: _SEVERITIES.index(finding.severity)),
        ignored=sorted(ignored.items()),
        delimiters=_DELIMITERS,
    )


def _share(part: int, whole: int) -> str:
    """Per cent for a bar's width; something that is there at all is visible."""
    if not part or not whole:
        return "0"
    return f"{min(100.0, max(1.0, 100 * part / whole)):.1f}"
