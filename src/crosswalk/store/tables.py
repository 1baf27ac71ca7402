"""The journal's tables. Everything but `head` and `xref` is only ever appended to, and lies under the hash chain.

A batch is two links: `opened` (its intents, before-images in the body) and `closed` (its outcomes, after-images in the
body); an event is one link. `xref` is a projection of the closed batches: chain.py can rebuild and compare it.
"""

from collections.abc import Iterator, Sequence

from sqlalchemy import BigInteger, Column, Index, Integer, LargeBinary, MetaData, String, Table, Text

FORMAT = 1
"""Raised when these tables change in a way an older Crosswalk cannot read."""
_SLICE = 500
"""Keys per IN list: far below SQLite's 32,766 and PostgreSQL's 65,535 parameters."""
BATCH_LIMIT = 100_000
"""Intents per batch at most: an intent's id is batch * BATCH_LIMIT + ordinal, so ids are appended in order."""

metadata = MetaData()
_Id = BigInteger().with_variant(Integer(), "sqlite")  # only INTEGER PRIMARY KEY is SQLite's own row id

head = Table(
    "head",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("format", Integer, nullable=False),
    Column("turn", BigInteger, nullable=False),
    Column("position", BigInteger, nullable=False),
    Column("digest", String(64), nullable=False),
    Column("batch", BigInteger, nullable=False),
    Column("run", BigInteger, nullable=False),
    Column("generation", BigInteger, nullable=False),
)
"""One row: where the chain ends, and the last numbers given out. Updating `turn` first makes writers take turns."""

link = Table(
    "link",
    metadata,
    Column("position", _Id, primary_key=True, autoincrement=False),
    Column("kind", String(8), nullable=False),
    Column("name", Text, nullable=False),
    Column("batch", BigInteger),
    Column("run", BigInteger),
    Column("generation", BigInteger, nullable=False),
    Column("at", Text, nullable=False),
    Column("size", Integer, nullable=False),
    Column("digest", String(64), nullable=False),
    Column("body", LargeBinary, nullable=False),
)
Index("link_batch", link.c.batch, link.c.kind, unique=True)

target = Table(
    "target",
    metadata,
    Column("id", _Id, primary_key=True, autoincrement=False),
    Column("operation", Text, nullable=False),
    Column("record", Text, nullable=False),
    Column("object", Text, nullable=False),
    Column("source_object", Text, nullable=False),
    Column("staged", Text, nullable=False),
)
"""What thousands of intents have in common, kept once: it halves an intent's row."""

intent = Table(
    "intent",
    metadata,
    Column("id", _Id, primary_key=True, autoincrement=False),
    Column("target", BigInteger, nullable=False),
    Column("source_key", Text, nullable=False),
    Column("destination_id", Text, nullable=False),
    Column("content", Text, nullable=False),
    Column("undoes", BigInteger),
)
Index("intent_source_key", intent.c.source_key)
INTENT_BY_DESTINATION = Index("intent_destination_id", intent.c.destination_id)
"""Made when it is first asked for and dropped ahead of very many records: destination ids come in no order, so that each one
writes an index page of its own (a batch of 200 wrote 7 MB where it writes 0.3 MB)."""

outcome = Table(
    "outcome",
    metadata,
    Column("id", _Id, primary_key=True, autoincrement=False),
    Column("state", Text, nullable=False),
    Column("message", Text, nullable=False),
)

xref = Table(
    "xref",
    metadata,
    Column("record", Text, primary_key=True),
    Column("source_key", Text, primary_key=True),
    Column("generation", BigInteger, primary_key=True),
    Column("destination_id", Text, nullable=False),
    Column("state", Text, nullable=False),
    Column("last_state", Text, nullable=False),
    Column("content", Text, nullable=False),
    Column("intent", BigInteger, nullable=False),
    sqlite_with_rowid=False,  # the primary key is the table: one tree less to write
)


def intent_id(batch: int, ordinal: int) -> int:
    """The id of a batch's intent."""
    return batch * BATCH_LIMIT + ordinal


def batch_and_ordinal(identity: int) -> tuple[int, int]:
    """The batch an intent belongs to, and its place in it."""
    return divmod(identity, BATCH_LIMIT)


def slices(values: Sequence[str]) -> Iterator[Sequence[str]]:
    """The values in lists short enough for one query."""
    for start in range(0, len(values), _SLICE):
        yield values[start : start + _SLICE]
