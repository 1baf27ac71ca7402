"""The engine's command line in a process for drills: what a user has installed, without what only developers have.

pandas comes with Microsoft's client, for tests. Where it is installed pyarrow imports it, which takes as long as the engine itself.
"""

import os
import sys
from collections.abc import Mapping, Sequence
from importlib.abc import MetaPathFinder
from importlib.machinery import ModuleSpec
from types import ModuleType

PRELOADED = (
    *("crosswalk.cli.app", "crosswalk.runs.loading", "crosswalk.runs.planning", "crosswalk.runs.proving", "crosswalk.runs.undoing"),
    *(f"crosswalk.connectors.{name}.connector" for name in ("pulse", "files", "twenty", "dataverse")),
)
"""What a process that is forked for a verb finds imported."""


class AsInstalled(MetaPathFinder):
    """Finds no pandas."""

    def find_spec(self, fullname: str, path: Sequence[str] | None, target: ModuleType | None = None) -> ModuleSpec | None:
        """Leave every other module to the finders behind. Raises ModuleNotFoundError."""
        if fullname == "pandas":
            raise ModuleNotFoundError("only developers have pandas", name=fullname)
        return None


def call_quietly(arguments: Sequence[str], environment: Mapping[str, str]) -> None:
    """A verb in a process that was forked for it; it says nothing. Exits as the verb does."""
    os.environ.update(environment)
    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, sys.stdout.fileno())
    os.dup2(nowhere, sys.stderr.fileno())
    sys.meta_path.insert(0, AsInstalled())
    from crosswalk.cli.app import call

    sys.exit(call(arguments))


if __name__ == "__main__":
    sys.meta_path.insert(0, AsInstalled())
    from crosswalk.cli.app import main

    main()
