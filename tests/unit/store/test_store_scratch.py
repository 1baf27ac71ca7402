"""The scratch DuckDB computes inside the workspace and nowhere else."""

from pathlib import Path

import duckdb
import pytest

from crosswalk.store.config import Config
from crosswalk.store.workspace import Workspace


@pytest.fixture
def workspace(tmp_path: Path) -> Workspace:
    """An empty workspace beside a file that is none of its business."""
    (tmp_path / "outside.csv").write_text("a\n1\n")
    config = Config(source="pulse", source_location="/x", destination="twenty", destination_url="http://x", migration_id="m")
    return Workspace.create(tmp_path / "it's", config)


@pytest.mark.parametrize(
    "statement",
    [
        "SELECT * FROM '{outside}'",
        "COPY (SELECT 1) TO '{outside}'",
        "ATTACH '{outside}.db' AS other",
        "SELECT * FROM read_text('{inside}/../outside.csv')",
        "SELECT * FROM glob('/etc/*')",
        "INSTALL httpfs",
        "SET enable_external_access = true",
        "SET memory_limit = '64GB'",
        "RESET allowed_directories",
    ],
)
@pytest.mark.parametrize("nested", [False, True])
def test_nothing_outside_the_workspace_can_be_touched(workspace: Workspace, tmp_path: Path, statement: str, nested: bool) -> None:
    """Neither SQL from a mapping nor a slip of ours reads or writes elsewhere, or loosens the settings."""
    inside = str(workspace.root).replace("'", "''")
    outside = str(tmp_path / "outside.csv").replace("'", "''")
    with workspace.scratch() as first, workspace.scratch() as second, pytest.raises(duckdb.Error):
        (second if nested else first).execute(statement.format(inside=inside, outside=outside))
    assert (tmp_path / "outside.csv").read_text() == "a\n1\n"


def test_the_workspaces_own_parquet_is_in_reach(workspace: Workspace) -> None:
    """Rows go out to raw/ and come back, also through a second scratch opened meanwhile."""
    path = str(workspace.raw_path("Patients")).replace("'", "''")
    with workspace.scratch() as db, workspace.scratch() as other:
        db.execute(f"COPY (SELECT range AS n FROM range(1000)) TO '{path}' (FORMAT parquet)")
        assert other.execute(f"SELECT sum(n) FROM read_parquet('{path}')").fetchall() == [(499500,)]


def test_times_are_utc_and_memory_is_bounded(workspace: Workspace) -> None:
    """Results do not depend on the computer's zone; the limit makes DuckDB spill instead of growing (law 7)."""
    with workspace.scratch() as db:
        zone, memory, threads = db.execute(
            "SELECT current_setting('TimeZone'), current_setting('memory_limit'), current_setting('threads')"
        ).fetchall()[0]
    assert (zone, memory, threads) == ("UTC", "488.2 MiB", 2)


def test_every_opening_starts_empty(workspace: Workspace) -> None:
    """What a stage left behind, a broken file included, is no other stage's input; what must last is Parquet."""
    with workspace.scratch() as db:
        db.execute("CREATE TABLE kept AS SELECT 1 AS one")
    assert (workspace.root / "scratch.duckdb").stat().st_size > 0
    (workspace.root / "scratch.duckdb").write_bytes(b"damaged by a crash")
    with workspace.scratch() as db:
        assert db.execute("SELECT count(*) FROM duckdb_tables()").fetchall() == [(0,)]
