"""The Dynamics 365 connector keeps the shipped destination contract, against the sandbox over TLS."""

from collections.abc import AsyncIterator, Awaitable, Callable

import pytest
import pytest_asyncio
from dynamics_sandbox import Sandbox, running

from crosswalk.testing import destination_contract as contract
from crosswalk.testing.contract_bench import Bench, Naming, bench_schema

NAMING = Naming("cwk_contractprobe", "cwk_contractprobe", lambda name: f"cwk_{name.lower()}")


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def bench(server: Sandbox) -> AsyncIterator[Bench]:
    """The contract's object in an organisation, for all record checks: each leaves it empty."""
    async with server.destination() as opened, bench_schema(opened, NAMING) as made:
        yield made


@pytest.mark.asyncio(loop_scope="module")
@pytest.mark.parametrize("check", contract.RECORD_CHECKS, ids=lambda check: check.__name__)
async def test_records_keep_the_contract(bench: Bench, check: Callable[[Bench], Awaitable[None]]) -> None:
    """Every record check of the shipped suite."""
    await check(bench)
    assert [row.id async for page in bench.destination.rows(bench.name) for row in page] == []


async def test_schema_comes_and_goes() -> None:
    """Apply and undo leave the description as it was."""
    for server in running("--limits", "off"):
        async with server.destination() as opened:
            await contract.schema_comes_and_goes(opened, NAMING)
