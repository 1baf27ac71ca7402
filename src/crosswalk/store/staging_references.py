"""Who points at the rows that undo would remove (`undo_refs`, in the scratch database), and which rows stay because of it."""

from collections.abc import Iterable, Sequence

import duckdb
import pyarrow as pa

from crosswalk.store.sql import literal
from crosswalk.store.staging_files import reference_ids


def add_referring(
    connection: duckdb.DuckDBPyConnection, object_name: str, path: str, to_object: str, pairs: Sequence[tuple[str, str]]
) -> None:
    """Note the rows of an object that was not read back which point at rows of ours."""
    table = pa.table(
        {"id": pa.array([id for id, _ in pairs], pa.string()), "to_id": pa.array([to for _, to in pairs], pa.string())}
    )
    connection.register("pairs", table)
    connection.execute(
        f"""
        INSERT INTO undo_refs SELECT {literal(object_name)}, id, {literal(path)}, {literal(to_object)}, to_id FROM pairs
        WHERE to_id IN (SELECT id FROM undo_rows)"""
    )
    connection.unregister("pairs")


def forget_references(connection: duckdb.DuckDBPyConnection, to_object: str) -> None:
    """Forget who points at rows of this object, to take newer pairs."""
    connection.execute(f"DELETE FROM undo_refs WHERE to_object = {literal(to_object)}")


def foreign_candidates(connection: duckdb.DuckDBPyConnection, read_back: Iterable[str]) -> list[tuple[str, str]]:
    """(object, id) of rows in objects that were not read back and that point at rows to be removed: who made them is not known."""
    known = ", ".join(literal(name) for name in read_back) or "''"
    return connection.execute(
        f"""
        SELECT DISTINCT object, id FROM undo_refs r WHERE object NOT IN ({known})
          AND to_id IN (SELECT id FROM undo_rows WHERE verdict = 'remove')
          AND NOT EXISTS (SELECT 1 FROM undo_rows u WHERE u.object = r.object AND u.id = r.id)"""
    ).fetchall()


def drop_referring(connection: duckdb.DuckDBPyConnection, object_name: str, ids: Sequence[str]) -> None:
    """Forget references of rows that the automation made: they go with what they point at, or stay without harm."""
    connection.register("harmless", pa.table({"id": pa.array(list(ids), pa.string())}))
    connection.execute(f"DELETE FROM undo_refs WHERE object = {literal(object_name)} AND id IN (SELECT id FROM harmless)")
    connection.unregister("harmless")


def keep_what_is_needed(connection: duckdb.DuckDBPyConnection, links: dict[str, str]) -> None:
    """Keep, until nothing changes: parents of rows that are not ours, whatever a kept row refers to, and the link rows of
    kept records (`links`: link record → the path of the record it belongs to). Deleting cascades (facts/twenty.md §5)."""
    path = """'$."' || r.path || '"'"""
    # A reference that we put there and are about to put back holds nothing.
    connection.execute(
        f"""
        DELETE FROM undo_refs r USING undo_entries e
        WHERE e.object = r.object AND e.id = r.id AND e.operation = 'update' AND e.in_scope AND json_exists(e.before, {path})
          AND list_contains({reference_ids("e.after", path)}, r.to_id)
          AND NOT list_contains({reference_ids("e.before", path)}, r.to_id)
          AND NOT EXISTS (SELECT 1 FROM undo_rows u WHERE u.object = r.object AND u.id = r.id)"""
    )
    connection.execute(
        """
        UPDATE undo_rows SET verdict = 'keep', reason = 'foreign_children' WHERE verdict = 'remove' AND EXISTS (
            SELECT 1 FROM undo_refs r WHERE r.to_object = undo_rows.object AND r.to_id = undo_rows.id
              AND NOT EXISTS (SELECT 1 FROM undo_rows u WHERE u.object = r.object AND u.id = r.id))"""
    )
    while True:
        kept = _count_kept(connection)
        connection.execute(
            """
            UPDATE undo_rows SET verdict = 'keep', reason = 'needed_by_kept_row' WHERE verdict = 'remove' AND EXISTS (
                SELECT 1 FROM undo_refs r JOIN undo_rows u ON u.object = r.object AND u.id = r.id
                WHERE u.verdict = 'keep' AND r.to_object = undo_rows.object AND r.to_id = undo_rows.id)"""
        )
        for record, path in links.items():
            connection.execute(
                f"""
                UPDATE undo_rows SET verdict = 'keep', reason = 'link_of_kept_row'
                WHERE verdict = 'remove' AND record = {literal(record)} AND EXISTS (
                    SELECT 1 FROM undo_refs r JOIN undo_rows u ON u.object = r.to_object AND u.id = r.to_id
                    WHERE u.verdict = 'keep' AND r.object = undo_rows.object AND r.id = undo_rows.id
                      AND r.path = {literal(path)})"""
            )
        if _count_kept(connection) == kept:
            return


def _count_kept(connection: duckdb.DuckDBPyConnection) -> int:
    found = connection.execute("SELECT count(*) FROM undo_rows WHERE verdict = 'keep'").fetchall()
    return found[0][0]
