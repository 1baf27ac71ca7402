"""Kill -9 at any instant: whatever the journal had promised is there, and it goes on from there (law 4)."""

import os
import random
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from crosswalk.store.entries import Intent
from crosswalk.store.journal import Journal

WRITER = """
import asyncio, os, sys
from pathlib import Path
from crosswalk.store.entries import Intent, Outcome
from crosswalk.store.journal import Journal

async def work(journal, run, worker):
    number = 0
    while True:
        number += 1
        keys = [f"{run}-{worker}-{number}-{place}" for place in range(40)]
        batch = await journal.open_batch(run, [
            Intent("update", "people", "people", f"id-{key}", "Patients", key, "c", "writes/c/people.parquet", {"was": key})
            for key in keys
        ])
        os.write(1, f"opened {batch} {run}-{worker}-{number}\\n".encode())
        await journal.close_batch(batch, [Outcome("updated", {"is": key}) for key in keys])
        os.write(1, f"closed {batch} {run}-{worker}-{number}\\n".encode())

async def main(journal, run):
    await asyncio.gather(*[work(journal, run, worker) for worker in range(4)])

with Journal.open(Path(sys.argv[1])) as journal:
    run = journal.start_run("full", "marker", {})
    os.write(1, b"ready\\n")
    asyncio.run(main(journal, run))
"""
ROUNDS = 8


def _write_and_die(path: Path, seconds: float) -> list[list[str]]:
    """Let a process write for so long, kill it; the lines it said: ["opened" or "closed", batch, keys' stem]."""
    process = subprocess.Popen([sys.executable, "-c", WRITER, str(path)], stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None and process.stdout.readline() == "ready\n"
    time.sleep(seconds)
    os.kill(process.pid, signal.SIGKILL)
    said, _ = process.communicate()
    assert process.returncode == -signal.SIGKILL
    return [line.split() for line in said.splitlines(keepends=True) if line.endswith("\n")]


@pytest.fixture(scope="module")
def survived(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, dict[int, str], set[int]]:
    """A journal after several processes were killed over it: its path, the batches said to be opened, those said to be closed."""
    path = tmp_path_factory.mktemp("killed") / "journal.sqlite"
    opened: dict[int, str] = {}
    closed: set[int] = set()
    chance = random.Random()
    for _ in range(ROUNDS):
        for word, batch, stem in _write_and_die(path, chance.uniform(0.0, 0.4)):
            if word == "opened":
                assert int(batch) not in opened, "a batch's number was given out twice"
                opened[int(batch)] = stem
            else:
                closed.add(int(batch))
    return path, opened, closed


def _intents(stem: str) -> tuple[Intent, ...]:
    keys = [f"{stem}-{place}" for place in range(40)]
    return tuple(
        Intent("update", "people", "people", f"id-{key}", "Patients", key, "c", "writes/c/people.parquet", {"was": key})
        for key in keys
    )


def test_what_was_promised_is_there(survived: tuple[Path, dict[int, str], set[int]]) -> None:
    """Every batch whose opening had returned stands whole; every one whose closing had returned is closed, whole too."""
    path, opened, closed = survived
    assert len(opened) > ROUNDS and closed
    with Journal.open(path) as journal:
        still_open = {batch.id: batch.intents for batch in journal.open_batches()}
        assert not closed & still_open.keys()
        for batch in opened.keys() & still_open.keys():
            assert still_open[batch] == _intents(opened[batch])
        standing = dict(journal.batches_backwards())
        assert closed <= standing.keys()
        for batch in closed:
            intents = _intents(opened[batch])
            assert [entry.source_key for entry in standing[batch]] == [item.source_key for item in intents]
            assert [entry.before for entry in standing[batch]] == [item.before for item in intents]
            assert [entry.after for entry in standing[batch]] == [{"is": item.source_key} for item in intents]
        assert opened.keys() <= still_open.keys() | standing.keys()


def test_nothing_is_half_written(survived: tuple[Path, dict[int, str], set[int]]) -> None:
    """The chain holds across every kill, and the cross-reference is exactly what the closed batches make it."""
    path, _, _ = survived
    with Journal.open(path) as journal:
        assert journal.verify_chain().broken == ""
        assert journal.verify_xref() == []
        settled = sum(len(entries) for _, entries in journal.batches_backwards())
        assert journal.counts() == {("people", "updated"): settled}
        assert len(journal.runs()) == ROUNDS
