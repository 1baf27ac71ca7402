"""Every error Crosswalk raises, grouped by what the person or the program is to do about it.

The exit codes are DESIGN.md, "Command line": 1 internal, 2 usage, 3 refused by a gate, 4 unreachable, 6 not balanced.
"""

from typing import ClassVar


class CrosswalkError(Exception):
    """What happened and where (`message`), and what to do about it (`remedy`)."""

    exit_code: ClassVar[int] = 1

    def __init__(self, message: str, remedy: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.remedy = remedy


class UsageError(CrosswalkError):
    """The command, the configuration or the mapping is not well-formed: correct it and call again."""

    exit_code = 2


class RefusedError(CrosswalkError):
    """A gate is closed: something is not approved, is stale, has drifted, or a blocking finding stands."""

    exit_code = 3


class UnreachableError(CrosswalkError):
    """The source or destination does not answer, or refuses our credentials: nothing was changed by this call."""

    exit_code = 4


class NotBalancedError(CrosswalkError):
    """Rows are missing from the ledger, or the destination does not hold what was written."""

    exit_code = 6


class UncertainError(CrosswalkError):
    """The request may or may not have been carried out: settle it by reading, never by resending (law 4)."""


class RejectedError(CrosswalkError):
    """The destination refused a request as a whole and stored nothing; `code` classes its words."""

    def __init__(self, message: str, code: str = "rejected", remedy: str = "") -> None:
        super().__init__(message, remedy)
        self.code = code
