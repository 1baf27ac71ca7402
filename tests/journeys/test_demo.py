"""The demo is exact: everything planted is found, nothing else is, and the rollback is proved."""

import subprocess
import sys

import orjson
import pytest


@pytest.mark.slow
def test_demo_ends_with_the_proof() -> None:
    """`crosswalk demo` on its smallest clinic, the sandbox without limits."""
    done = subprocess.run(
        [sys.executable, "-m", "crosswalk.cli", "demo", "--limits", "off", "--json"], capture_output=True, timeout=600
    )  # fmt: skip
    document = orjson.loads(done.stdout)
    assert (done.returncode, document["proved"], document["exact"]) == (0, True, True), document["planted"]
    assert document["planted"]["items"] > 50
