"""The journal's laws over any history: one outcome per intent, a cross-reference that follows, a chain that holds."""

import asyncio
import shutil
import tempfile
from dataclasses import dataclass, field
from pathlib import Path

from hypothesis import Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from crosswalk.model.values import Value, Values
from crosswalk.store.entries import Intent, Operation, Outcome, State
from crosswalk.store.journal import Journal

ENDS: dict[Operation, list[State]] = {
    "create": ["loaded", "loaded_with_findings", "rejected", "absent", "failed"],
    "update": ["updated", "loaded_with_findings", "rejected", "conflict"],
    "remove": ["removed", "kept", "failed", "absent"],
    "restore": ["restored", "kept", "failed"],
    "upload": ["applied", "failed"],
}
ARRIVED = {"loaded", "loaded_with_findings", "updated"}
VALUES: st.SearchStrategy[Value] = st.none() | st.text() | st.integers(-(2**53), 2**53) | st.lists(st.text())
NAMES = st.sampled_from(["name", "city", "tags"])
IMAGES: st.SearchStrategy[Values | None] = st.one_of(st.none(), st.dictionaries(NAMES, VALUES))


@dataclass
class Life:
    """What the specification says of one source key in one generation, told from its settled intents."""

    history: list[tuple[str, str, str, tuple[int, int]]] = field(default_factory=lambda: [])

    def stack(self) -> list[tuple[str, str, tuple[int, int]]]:
        """Writes that arrived and were not taken back: (operation, content, entry)."""
        stack: list[tuple[str, str, tuple[int, int]]] = []
        for operation, state, content, entry in self.history:
            written = operation in ("create", "update") and state in ARRIVED
            if written or (operation == "upload" and state == "applied"):
                stack.append((operation, content, entry))
            elif operation == "remove" and state in ("removed", "absent"):
                stack.clear()
            elif operation == "restore" and state == "restored" and stack:
                stack.pop()
        return stack

    def stands(self) -> str | None:
        """The content that stands in the destination, or None when nothing of ours does."""
        content = None
        for operation, state, written, _ in self.history:
            if (operation in ("create", "update") and state in ARRIVED) or (operation == "restore" and state == "restored"):
                content = written
            elif operation == "remove" and state in ("removed", "absent"):
                content = None
        return content


class JournalMachine(RuleBasedStateMachine):
    """Any sequence of opening, closing, undoing, raising the generation and reopening."""

    def __init__(self) -> None:
        super().__init__()
        self.folder = Path(tempfile.mkdtemp())
        self.journal = Journal.open(self.folder / "journal.sqlite")
        self.run = self.journal.start_run("full", "marker", {})
        self.generation = 1
        self.open: dict[int, tuple[int, list[Intent]]] = {}
        self.lives: dict[tuple[int, str], Life] = {}
        self.settled = 0
        self.last: dict[str, str] = {}

    def free_keys(self) -> list[str]:
        """A record has one open intent at a time: what is not settled is settled before it is touched again."""
        return sorted(set("ABCD") - {item.source_key for _, intents in self.open.values() for item in intents})

    @precondition(lambda self: self.free_keys())
    @rule(data=st.data())
    def intend(self, data: st.DataObject) -> None:
        """Open a batch of any operations on a few keys."""
        intents: list[Intent] = []
        for key in data.draw(st.lists(st.sampled_from(self.free_keys()), min_size=1, unique=True)):
            operation: Operation = data.draw(st.sampled_from(sorted(ENDS)))
            content = data.draw(st.sampled_from(["c1", "c2", "c3"]))
            before = data.draw(IMAGES)
            identity = f"{key}-{self.generation}"
            intents.append(
                Intent(operation, "people", "people", identity, "Patients", key, content, "writes/d/people.parquet", before)
            )
        batch = asyncio.run(self.journal.open_batch(self.run, intents))
        assert batch not in self.open
        self.open[batch] = (self.generation, intents)

    @precondition(lambda self: self.open)
    @rule(data=st.data())
    def settle(self, data: st.DataObject) -> None:
        """Close any open batch with any outcomes."""
        batch = data.draw(st.sampled_from(sorted(self.open)))
        generation, intents = self.open.pop(batch)
        outcomes = [Outcome(data.draw(st.sampled_from(ENDS[item.operation])), data.draw(IMAGES), "words") for item in intents]
        asyncio.run(self.journal.close_batch(batch, outcomes))
        for ordinal, (item, outcome) in enumerate(zip(intents, outcomes, strict=True)):
            life = self.lives.setdefault((generation, item.source_key), Life())
            life.history.append((item.operation, outcome.state, item.content, (batch, ordinal)))
        self.settled += len(intents)

    @precondition(lambda self: not self.open)
    @rule()
    def raise_generation(self) -> None:
        """End a complete rollback."""
        self.generation += 1
        assert self.journal.raise_generation() == self.generation

    @rule()
    def reopen(self) -> None:
        """Close the journal and open it again."""
        self.journal.close()
        self.journal = Journal.open(self.folder / "journal.sqlite")

    @invariant()
    def every_intent_is_open_or_has_one_outcome(self) -> None:
        """Nothing is lost, nothing doubled."""
        found = self.journal.open_batches()
        assert {batch.id: list(batch.intents) for batch in found} == {batch: intents for batch, (_, intents) in self.open.items()}
        lines = [line for line in self.journal.audit() if line.event is None]
        assert sum(line.state != "open" for line in lines) == self.settled
        assert len(lines) == self.settled + sum(len(intents) for _, intents in self.open.values())

    @invariant()
    def the_cross_reference_follows(self) -> None:
        """What stands is what was written last and not taken back."""
        rows = {row["source_key"]: row for batch in self.journal.xref("people") for row in batch.to_pylist()}
        for (generation, key), life in self.lives.items():
            if generation == self.generation:
                row = rows.pop(key, None)
                assert (row["content"] or None if row else None) == life.stands()
                attempts = [state for operation, state, _, _ in life.history if operation != "upload"]
                assert (row["last_state"] if row else None) == (attempts[-1] if attempts else None)
        assert rows == {}

    @invariant()
    def going_backwards_finds_what_is_not_undone(self) -> None:
        """Newest batch first, exactly the writes that arrived and were not taken back."""
        batches = list(self.journal.batches_backwards())
        assert [batch for batch, _ in batches] == sorted({batch for batch, _ in batches}, reverse=True)
        found = {(entry.batch, entry.ordinal): entry.operation for _, entries in batches for entry in entries}
        assert found == {entry: operation for life in self.lives.values() for operation, _, entry in life.stack()}

    def teardown(self) -> None:
        """The proof at the end: chain and cross-reference hold."""
        try:
            assert self.journal.verify_chain().ok
            assert self.journal.verify_xref() == []
        finally:
            self.journal.close()
            shutil.rmtree(self.folder)


TestJournalLaws = JournalMachine.TestCase
# No shrinking: every step waits for the disk, so it would take minutes; a failure prints its steps.
TestJournalLaws.settings = settings(max_examples=10, stateful_step_count=20, deadline=None, phases=[Phase.reuse, Phase.generate])
