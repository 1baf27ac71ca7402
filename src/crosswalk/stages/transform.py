"""transform: extracted rows become staged writes along the approved map (DESIGN.md, "What flows")."""

import uuid
from collections.abc import Callable, Generator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import duckdb
import pyarrow as pa

from crosswalk.model.destination_schema import DestinationSchema
from crosswalk.model.errors import UsageError
from crosswalk.model.mapping import Mapping, RecordMapping
from crosswalk.model.mapping_targets import waves
from crosswalk.model.ownership import Matches, Owners
from crosswalk.model.staged_writes import StagedColumn, StagedRecord, StagedWrites
from crosswalk.store.columns_read import check_columns
from crosswalk.store.field_sql import RecordCompiler, compile_record, run_in_parts
from crosswalk.store.sql import literal, parquet, quoted
from crosswalk.store.transform_sql import (
    Compiled,
    contribution_sql,
    fold_sql,
    joined_paths,
    name_hash_sql,
    record_columns,
    rows_sql,
    uuid_sql,
    writes_sql,
)
from crosswalk.transforms.contract import Settings

MATCH_STATE = {"link": "matched", "update": "existing", "skip": "excluded"}


@dataclass(frozen=True, slots=True)
class Identity:
    """What destination ids are made of, beside record and key (law 5); and the year that settles two-digit years."""

    migration_id: str
    generation: int
    current_year: int

    def namespace(self) -> uuid.UUID:
        """The UUIDv5 namespace of this migration and generation."""
        return uuid.uuid5(uuid.NAMESPACE_URL, f"crosswalk:{self.migration_id}:{self.generation}")


def destination_id(identity: Identity, record: str, key: str) -> str:
    """The id a record will have: the same in Python as in the compiled SQL."""
    return str(uuid.uuid5(identity.namespace(), f"{record}:{key}"))


def transform(
    mapping: Mapping,
    schema: DestinationSchema,
    raw: Path,
    folder: Path,
    workspace: Path,
    identity: Identity,
    owners: Owners,
    matches: Matches,
    connection: duckdb.DuckDBPyConnection,
    progress: Callable[[str], None] = lambda record: None,
    extracted: str = "",
) -> StagedWrites:
    """Every active record of the map as one Parquet file of writes in `folder` (inside `workspace`). `extracted` is the content
    digest of the extraction that lies in `raw`.

    Raises UsageError when the map reads columns that are not there or uses SQL outside the safe subset.
    """
    chosen = mapping.settings
    settings = Settings(
        country=chosen.country, timezone=chosen.timezone, currency=chosen.currency, current_year=identity.current_year
    )
    check_columns(mapping, raw, connection)
    owner_table = _register_owners(connection, owners)
    keys: dict[str, str] = {}
    staged: list[StagedRecord] = []
    for name, wave in sorted(waves(mapping).items(), key=lambda item: item[1]):
        progress(name)
        compiler = RecordCompiler(
            connection, mapping, schema, name, quoted(f"{name}_rows"), raw, settings, keys, owner_table,
        )  # fmt: skip
        with _told_without_values(name):
            staged.append(_stage_record(compiler, wave, folder, workspace, identity, matches))
        keys[name] = quoted(f"{name}_keys")
    return StagedWrites(
        folder=str(folder.relative_to(workspace)),
        records=tuple(staged),
        based_on={
            "mapping": mapping.digest(),
            "extraction": extracted,
            "owners": owners.digest(),
            "matches": matches.digest(),
        },
    )


@contextmanager
def _told_without_values(name: str) -> Generator[None]:
    """What a map makes DuckDB refuse, as a UsageError; DuckDB's own words would repeat a patient's values (law 8)."""
    try:
        yield
    except (duckdb.BinderException, duckdb.ParserException) as error:
        words = str(error).splitlines()[0]
        raise UsageError(f"mapping.yaml: record {name} cannot be computed: {words}", "Correct its expressions.") from None
    except (duckdb.ConversionException, duckdb.OutOfRangeException, duckdb.InvalidInputException) as error:
        kind = type(error).__name__.removesuffix("Exception")
        raise UsageError(
            f"mapping.yaml: record {name}: an expression fails on some rows ({kind} error)",
            "Use try_cast instead of cast, and look for values the expression does not expect.",
        ) from None


def _stage_record(
    compiler: RecordCompiler, wave: int, folder: Path, workspace: Path, identity: Identity, matches: Matches
) -> StagedRecord:
    name, record, connection = compiler.name, compiler.record, compiler.connection
    _make_rows(compiler, identity)
    compiled = compile_record(compiler)
    required = tuple(path for path, mapped in record.fields.items() if mapped.required)
    matched = _register_matches(connection, name, matches)
    state = MATCH_STATE[compiler.mapping.settings.policy]
    select = writes_sql(compiled, compiler.rows, uuid_sql("b._h"), required, (matched, state) if matched else None)
    file = folder / f"{name}.parquet"
    result = quoted(f"{name}_writes")
    connection.execute(f"CREATE OR REPLACE TABLE {result} AS {select}")
    for path, mapped in record.fields.items():
        if mapped.unique is not None:
            _keep_first(connection, result, path, mapped.unique.overflow)
    connection.execute(f"COPY {result} TO {literal(str(file))} (FORMAT parquet, ROW_GROUP_SIZE 20480)")
    connection.execute(
        f"CREATE OR REPLACE TABLE {quoted(name + '_keys')} AS SELECT _key AS key, _id AS id, _state AS state FROM {result}"
    )
    contributions = folder / f"{name}.contributions.parquet"
    connection.execute(f"COPY ({' UNION ALL '.join(compiler.contributors)}) TO {literal(str(contributions))} (FORMAT parquet)")
    _drop_tables(connection, name)
    return _describe(name, record, wave, compiled, file, contributions, workspace, connection)


def _make_rows(compiler: RecordCompiler, identity: Identity) -> None:
    """The table of the record's rows (folded when the map says so), with the hash its ids are cut from."""
    name, record, connection = compiler.name, compiler.record, compiler.connection
    orders: Any = compiler.mapping.date_orders
    hashed = name_hash_sql(identity.namespace().hex, f"{literal(name + ':')} || _key")
    select = rows_sql(name, record, compiler.raw, orders)
    unfolded = quoted(f"{name}_unfolded") if record.fold else compiler.rows
    connection.execute(f"CREATE OR REPLACE TABLE {unfolded} AS SELECT *, {hashed} AS _h FROM ({select})")
    compiler.contributors.append(contribution_sql(record.from_, "_row", unfolded, "made"))
    for alias, join in record.joins.items():
        fed = joined_paths(name, record, alias)
        compiler.contributors.append(contribution_sql(join.from_, f"_row.{alias}", unfolded, "joined", fed))
    if record.fold:
        folded, dates, columns = quoted(f"{name}_folded"), orders.get(record.from_, {}), record_columns(name, record)
        run_in_parts(connection, unfolded, folded, lambda part: fold_sql(record, unfolded, dates, columns, part))
        connection.execute(f"CREATE OR REPLACE TABLE {compiler.rows} AS SELECT *, {hashed} AS _h FROM {folded}")


def _keep_first(connection: duckdb.DuckDBPyConnection, table: str, path: str, overflow: str | None) -> None:
    """A value only one record may hold stays with the first; the others keep it in `overflow`, with the finding `shared_value`."""
    column = quoted(path)
    connection.execute(
        f"CREATE OR REPLACE TEMP TABLE first_holder AS SELECT {column} AS value, min(_row) AS _row FROM {table}"
        " WHERE _state <> 'rejected' GROUP BY 1"
    )
    later = f"EXISTS (SELECT 1 FROM first_holder f WHERE f.value = {table}.{column} AND f._row < {table}._row)"
    kept = f", {quoted(overflow)} = list_append(coalesce({quoted(overflow)}, []), {column})" if overflow else ""
    connection.execute(
        f"UPDATE {table} SET {column} = NULL, _findings = list_append(_findings, {literal('shared_value:' + path)}),"
        f" _content = md5(_content || {literal(path)}){kept} WHERE {later}"
    )


def _register_owners(connection: duckdb.DuckDBPyConnection, owners: Owners) -> str:
    """Table (email, user_id) of the resolved owners; the fallback under the empty e-mail."""
    resolved = {owner.email: owner.user_id for owner in owners.owners if owner.status == "matched"}
    rows = {**resolved, "": owners.fallback_user_id}
    table = pa.table({"email": pa.array(list(rows), pa.string()), "user_id": pa.array(list(rows.values()), pa.string())})
    connection.register("owners_in", table)
    connection.execute("CREATE OR REPLACE TABLE owners AS SELECT * FROM owners_in")
    connection.unregister("owners_in")
    return "owners"


def _register_matches(connection: duckdb.DuckDBPyConnection, record: str, matches: Matches) -> str | None:
    """Table (key, id) of the record's matches, or None."""
    found = [(match.key, match.id) for match in matches.matches if match.record == record]
    if not found:
        return None
    name = quoted(f"{record}_matches")
    connection.register("matches_in", pa.table({"key": [key for key, _ in found], "id": [id_ for _, id_ in found]}))
    connection.execute(f"CREATE OR REPLACE TABLE {name} AS SELECT * FROM matches_in")
    connection.unregister("matches_in")
    return name


def _describe(
    name: str, record: RecordMapping, wave: int, compiled: list[Compiled], file: Path, contributions: Path, workspace: Path,
    connection: duckdb.DuckDBPyConnection,
) -> StagedRecord:  # fmt: skip
    states = dict(connection.execute(f"SELECT _state, count(*) FROM {parquet(file)} GROUP BY 1 ORDER BY 1").fetchall())
    found = connection.execute(
        f"SELECT f, count(*) FROM (SELECT unnest(_findings) AS f FROM {parquet(file)}) GROUP BY 1 ORDER BY 1"
    ).fetchall()
    columns = tuple(
        StagedColumn(
            path=leaf.path, type=leaf.kind, reference=record.fields[leaf.path].lookup, required=record.fields[leaf.path].required
        )
        for leaf in compiled
    )
    return StagedRecord(
        record=name, object=record.to, source_object=record.from_, wave=wave, link=record.link,
        file=str(file.relative_to(workspace)), contributions=str(contributions.relative_to(workspace)),
        rows=sum(states.values()), columns=columns, states=states, findings=dict(found),
    )  # fmt: skip


def _drop_tables(connection: duckdb.DuckDBPyConnection, name: str) -> None:
    """Only the key table outlives a record."""
    tables = connection.execute("SELECT table_name FROM duckdb_tables() WHERE starts_with(table_name, ?)", [f"{name}_"]).fetchall()
    for (table,) in tables:
        if table != f"{name}_keys" and not table.endswith("_keys"):
            connection.execute(f"DROP TABLE {quoted(table)}")
