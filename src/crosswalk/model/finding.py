"""What a probe, a transform or a check found: a code people can look up, how bad it is, and what to do."""

from typing import Literal

from crosswalk.model.artefact import Frozen

Severity = Literal["blocking", "warning", "info"]


class Finding(Frozen):
    """One finding. `where` and `examples` name files, lines, records and source keys, never a patient's values (law 8).

    A person may take a finding on themselves by code, unless it is not `acceptable`: what it names cannot be written at all, so
    that accepting it would only let the work stop halfway.
    """

    code: str
    severity: Severity
    message: str
    remedy: str
    object: str | None = None
    field: str | None = None
    count: int = 1
    acceptable: bool = True
    examples: tuple[str, ...] = ()
