"""The journal's engine: everything that is SQLite's own. Tables and statements elsewhere run on PostgreSQL as well."""

from pathlib import Path
from typing import Any

from sqlalchemy import URL, Engine, create_engine, event, insert, inspect, select
from sqlalchemy.exc import DatabaseError

from crosswalk.model.errors import CrosswalkError, UsageError
from crosswalk.store.chain import START
from crosswalk.store.files import open_bytes
from crosswalk.store.tables import FORMAT, head, metadata


def open_engine(path: Path) -> Engine:
    """The journal's database, created with its tables when new.

    Raises UsageError when a newer Crosswalk wrote it, CrosswalkError when the file is no journal.
    """
    open_bytes(path, "ab").close()  # so that it gets mode 0600; SQLite gives the same to its side files
    engine = create_engine(
        URL.create("sqlite", database=str(path)),
        hide_parameters=True,  # an error's text must not repeat patients' values (law 8)
        connect_args={"timeout": 30},
    )
    event.listen(engine, "connect", _prepare)
    try:
        _create_tables(engine)
    except DatabaseError as error:
        engine.dispose()
        raise CrosswalkError(
            f"{path} cannot be read as a journal: {error.orig}",
            "Restore the file, with its -wal file, from a copy of the workspace.",
        ) from None
    return engine


def _prepare(connection: Any, _record: object) -> None:
    # FULL: a commit returns only after fsync (law 4). The larger checkpoint saves writing index pages again and again.
    cursor = connection.cursor()
    for pragma in ("journal_mode = WAL", "synchronous = FULL", "cache_size = -32768", "wal_autocheckpoint = 4000"):
        cursor.execute(f"PRAGMA {pragma}")
    cursor.close()


def _create_tables(engine: Engine) -> None:
    with engine.begin() as connection:
        found = connection.execute(select(head.c.format)).scalar() if inspect(connection).has_table(head.name) else None
        if found is None:  # new, or killed while it was being made: SQLite commits each table by itself
            metadata.create_all(connection)
            connection.execute(
                insert(head).values(id=1, format=FORMAT, turn=0, position=0, digest=START, batch=0, run=0, generation=1)
            )
        elif found != FORMAT:
            raise UsageError(
                f"the journal has format {found}, this Crosswalk knows {FORMAT}", "Use the Crosswalk that began this migration."
            )
