"""The balancing ledger: every source row in exactly one final state, and the destination read back against it (E9)."""

from typing import Literal

from crosswalk.model.artefact import Artefact, Frozen

RowState = Literal[
    "loaded", "loaded_with_findings", "matched", "folded", "excluded", "quarantined", "conflict", "rejected", "unaccounted"
]  # fmt: skip
"""`unaccounted` is the ledger's own alarm: a staged row that was neither written nor refused. It never balances."""


class LedgerLine(Frozen):
    """One source object. rows = the sum of `states`."""

    source_object: str
    rows: int
    states: dict[RowState, int]

    def balanced(self) -> bool:
        """The states add up to the rows read, and none is unaccounted for."""
        return sum(self.states.values()) == self.rows and not self.states.get("unaccounted")


class RecordCheck(Frozen):
    """One mapped record against the destination: rows that should stand there, that do, and whose values agree."""

    record: str
    object: str
    expected: int
    found: int
    missing: int
    different: int
    leftover: int
    """Rows of ours that stand although the staged writes no longer hold them: conflicts of the load."""
    expected_digest: str
    actual_digest: str
    """Over the rows in the order of their ids; equal when every written field holds what was meant."""


class LinkCheck(Frozen):
    """One reference: how many rows carry it, how many point at nothing live, how many required ones are empty."""

    record: str
    field: str
    to_object: str
    filled: int
    dangling: int
    required_empty: int


class TotalCheck(Frozen):
    """One business total, by group (a value; the empty text for a sum, or for no value): over all staged rows (`source`), over
    those that were written (`expected`), and over the same rows in the destination (`actual`)."""

    name: str
    record: str
    kind: Literal["sum", "count_by"]
    source: dict[str, str]
    expected: dict[str, str]
    actual: dict[str, str]

    def equal(self) -> bool:
        """The destination holds what was staged."""
        return self.expected == self.actual


class SideEffect(Frozen):
    """Rows that the platform's own automation made while we wrote, or `fields` of ours it changed: an object, how many, and some
    of their ids."""

    object: str
    rows: int
    examples: tuple[str, ...] = ()
    kind: Literal["created", "changed"] = "created"
    fields: tuple[str, ...] = ()


class Reason(Frozen):
    """Why rows ended where they did: a state, the code that says why, how many, and some source keys."""

    source_object: str
    state: RowState
    code: str
    rows: int
    examples: tuple[str, ...] = ()


class Reconciliation(Artefact):
    """The proof of one migration. `balanced` is false when a row is missing from the ledger or from the destination, a link
    dangles, a value or a total differs."""

    ledger: tuple[LedgerLine, ...]
    reasons: tuple[Reason, ...]
    records: tuple[RecordCheck, ...]
    links: tuple[LinkCheck, ...]
    totals: tuple[TotalCheck, ...]
    side_effects: tuple[SideEffect, ...]
    balanced: bool
    problems: tuple[str, ...]
    """Why it does not balance, one sentence each."""
