"""A Dataverse sandbox for each module, and a destination on it for each test."""

from collections.abc import AsyncIterator, Iterator

import pytest
from dynamics_sandbox import Sandbox, connected, running

from crosswalk.connectors.dataverse.connector import DynamicsDestination


@pytest.fixture(scope="module")
def server() -> Iterator[Sandbox]:
    """Without limits, over TLS."""
    yield from running("--limits", "off")


@pytest.fixture
async def destination(server: Sandbox) -> AsyncIterator[DynamicsDestination]:
    """On an organisation as it was at first."""
    async with connected(server) as opened:
        yield opened
