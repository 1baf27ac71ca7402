"""How a platform introduces itself: `connectors/<name>/connector.py` holds one `CONNECTOR`, found by runs/registry.py."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from crosswalk.spi.destination import Destination
from crosswalk.spi.source import Source


@dataclass(frozen=True, slots=True)
class Connector:
    """A platform's name as the command line knows it, and how to open it as a source or a destination."""

    name: str
    title: str
    open_source: Callable[[str], Source] | None = None
    """From a location (folder, workbook)."""
    open_destination: Callable[[str, Mapping[str, str]], Destination] | None = None
    """From a URL and the environment (credentials live there, never in a file). Raises UsageError naming a missing one."""
    check_address: Callable[[str], None] | None = None
    """For a destination: raises UsageError, saying what to give, for a text that cannot be its address. Connects nowhere."""
    environment: Mapping[str, str] = field(default_factory=lambda: {})
    """For a destination with a sandbox: environment variable → what of the sandbox's ready line it takes."""
    shipped_maps: Mapping[str, Path] = field(default_factory=lambda: {})
    """For a destination: source platform → the YAML of the shipped map."""
