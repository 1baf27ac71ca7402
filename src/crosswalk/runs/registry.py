"""Finds the connectors: every folder of crosswalk.connectors that holds a `connector.py` with a CONNECTOR."""

import os
from collections.abc import Mapping
from functools import cache
from importlib import import_module
from pathlib import Path
from pkgutil import iter_modules

import crosswalk.connectors
from crosswalk.model.errors import UsageError
from crosswalk.spi.connector import Connector
from crosswalk.spi.destination import Destination
from crosswalk.spi.source import Source


@cache
def connectors() -> dict[str, Connector]:
    """All platforms by name."""
    found = [
        import_module(f"crosswalk.connectors.{item.name}.connector").CONNECTOR
        for item in iter_modules(crosswalk.connectors.__path__)
        if item.ispkg
    ]
    return {connector.name: connector for connector in found}


def source_names() -> list[str]:
    """The platforms records can be read from."""
    return sorted(name for name, connector in connectors().items() if connector.open_source)


def destination_names() -> list[str]:
    """The platforms records can be written to."""
    return sorted(name for name, connector in connectors().items() if connector.open_destination)


def sandbox_names() -> list[str]:
    """The platforms there is a sandbox of."""
    return sorted(name for name, connector in connectors().items() if connector.environment)


def sandbox_environment(name: str, details: Mapping[str, str]) -> dict[str, str]:
    """The environment variables that lead to a running sandbox, from the line it printed."""
    return {variable: details[key] for variable, key in connectors()[name].environment.items()}


def open_source(name: str, location: str) -> Source:
    """Raises UsageError for a platform that is none of the sources."""
    connector = connectors().get(name)
    if connector is None or connector.open_source is None:
        raise UsageError(f"{name} is no source we know", f"Known sources: {', '.join(source_names())}.")
    return connector.open_source(location)


def open_destination(name: str, url: str) -> Destination:
    """Credentials come from the environment. Raises UsageError for an unknown platform, an address that cannot be its, or a
    missing credential."""
    connector = connectors().get(name)
    if connector is None or connector.open_destination is None:
        raise UsageError(f"{name} is no destination we know", f"Known destinations: {', '.join(destination_names())}.")
    check_address(name, url, "destination_url in crosswalk.toml")
    return connector.open_destination(url, os.environ)


def check_address(name: str, url: str, where: str) -> None:
    """Raises UsageError, naming `where` it stands, for a text that cannot be that platform's address."""
    connector = connectors().get(name)
    if connector is None or connector.check_address is None:
        return
    try:
        connector.check_address(url)
    except UsageError as error:
        raise UsageError(f"{where}: {error.message}", error.remedy) from None


def shipped_map(source: str, destination: str) -> Path:
    """The YAML of the shipped map of a pair. Raises UsageError when there is none."""
    connector = connectors().get(destination)
    path = connector.shipped_maps.get(source) if connector else None
    if path is None:
        raise UsageError(
            f"no map from {source} to {destination} is shipped", "Write mapping.yaml by hand; see docs/guides/mapping.md."
        )
    return path
