"""What an undo comes to, from its working tables: rows by what happens to them, what stays, what the automation did."""

from crosswalk.model.rollback_report import LISTED, KeptRow, UndoCount, UndoneSideEffect
from crosswalk.stages._undo_plan import LOOKED_AT, UndoJob
from crosswalk.store import staging_undo as undo


def counts(job: UndoJob) -> tuple[UndoCount, ...]:
    """Rows by record and by what undo does to them."""
    found: dict[tuple[str, str], dict[str, int]] = {}
    for record, name, verdict, rows in undo.verdict_counts(job.connection):
        found.setdefault((record, name), {})[verdict] = rows
    for record, name, rows in undo.update_counts(job.connection):
        found.setdefault((record, name), {})["restore"] = rows
    return tuple(UndoCount(record=record, object=name, **numbers) for (record, name), numbers in found.items())


def kept_rows(job: UndoJob) -> tuple[list[KeptRow], int]:
    """The rows that stay (at most LISTED of them) and how many there are."""
    listed: list[KeptRow] = []
    total = 0
    for rows in undo.rows_with_verdict(job.connection, "keep", LOOKED_AT):
        total += len(rows)
        listed += [
            KeptRow.model_validate(
                {
                    "record": row["record"],
                    "object": row["object"],
                    "destination_id": row["id"],
                    "key": row["key"],
                    "reason": row["reason"],
                    "fields": tuple(row["fields"]),
                }
            )
            for row in rows[: max(0, LISTED - len(listed))]
        ]
    return listed, total


def side_effects(job: UndoJob) -> tuple[list[UndoneSideEffect], int]:
    """What the automation did, as far as undo takes it back (at most LISTED), and how much that is."""
    listed: list[UndoneSideEffect] = []
    total = 0
    for row in undo.side_effect_rows(job.connection):
        total += 1
        if len(listed) < LISTED:
            kind = "created" if row["record"] == undo.SIDE_EFFECT else "changed"
            listed.append(UndoneSideEffect(object=row["object"], destination_id=row["id"], kind=kind, fields=tuple(row["fields"])))
    return listed, total
