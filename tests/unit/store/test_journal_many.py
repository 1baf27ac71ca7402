"""A journal told to expect very many records still finds each by where it went."""

from pathlib import Path

from crosswalk.store.entries import Intent, Outcome
from crosswalk.store.journal import Journal


async def test_what_is_put_aside_for_speed_is_made_again_when_it_is_asked_for(tmp_path: Path) -> None:
    """Search by destination id answers the same before, between and after batches written without its index."""
    with Journal.open(tmp_path / "journal.sqlite") as journal:
        run = journal.start_run("full", "marker", {})

        async def write(number: int) -> None:
            intent = Intent("create", "people", "people", f"id-{number}", "patients", f"key-{number}", "digest", "people.parquet")
            batch = await journal.open_batch(run, [intent])
            await journal.close_batch(batch, [Outcome("loaded", {"name": "A"})])

        await write(1)
        journal.expect_many()
        journal.expect_many()
        await write(2)
        assert [line.source_key for line in journal.audit(destination_id="id-1")] == ["key-1"]
        await write(3)
        found = journal.entries_by_destination_ids(["id-1", "id-2", "id-3", "id-4"])
        assert {id: entry.source_key for id, entry in found.items()} == {"id-1": "key-1", "id-2": "key-2", "id-3": "key-3"}
