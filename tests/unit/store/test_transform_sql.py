"""The SQL that records are computed with: ids, keys and moments."""

import uuid

import duckdb
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from crosswalk.store.sql import literal, quoted
from crosswalk.store.transform_sql import key_sql, moment_sql, name_hash_sql, uuid_sql

DUCKDB = duckdb.connect()
DUCKDB.execute("SET TimeZone = 'UTC'")
TEXTS = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=30)
PARTS = st.lists(st.text(st.sampled_from("ab| \\"), max_size=4), min_size=2, max_size=3)


@settings(deadline=None)
@given(namespace=st.uuids(), record=TEXTS, key=TEXTS)
def test_an_id_cut_in_sql_is_pythons_uuid5(namespace: uuid.UUID, record: str, key: str) -> None:
    """For any record and key, quotes and every script included (law 5)."""
    hashed = name_hash_sql(namespace.hex, f"{literal(record + ':')} || _key")
    found = DUCKDB.execute(f"SELECT {uuid_sql('h')} FROM (SELECT {hashed} AS h FROM (SELECT ? AS _key))", [key]).fetchone()
    assert found == (str(uuid.uuid5(namespace, f"{record}:{key}")),)


@settings(deadline=None)
@given(one=PARTS, other=PARTS)
def test_two_keys_are_equal_only_where_their_parts_are(one: list[str], other: list[str]) -> None:
    """Parts joined by `|` stay apart whatever they hold; outer blanks do not count."""
    keys = [_key(parts) for parts in (one, other)]
    trimmed = [[part.strip(" ") for part in parts] for parts in (one, other)]
    assert (keys[0] == keys[1]) == (trimmed[0] == trimmed[1])


def _key(parts: list[str]) -> object:
    names = tuple(f"c{number}" for number in range(len(parts)))
    columns = ", ".join(f"? AS {quoted(name)}" for name in names)
    return DUCKDB.execute(f"SELECT {key_sql(names, 'r')} FROM (SELECT {columns}, 'own' AS _key) r", parts).fetchone()


@pytest.mark.parametrize(
    ("text", "order", "expected"),
    [
        ("2024-03-04", None, "2024-03-04 00:00:00"),
        ("2024-03-04T05:06:07Z", "dmy", "2024-03-04 05:06:07"),
        ("2024-03-04T05:06:07+05:30", None, "2024-03-03 23:36:07"),
        ("03/04/2024", "dmy", "2024-04-03 00:00:00"),
        ("03/04/2024", "mdy", "2024-03-04 00:00:00"),
        ("3-4-2024 17:05", "dmy", "2024-04-03 17:05:00"),
        ("3.4.2024", "dmy", "2024-04-03 00:00:00"),
        ("03/04/2024 05:06 PM", "dmy", "2024-04-03 17:06:00"),
        ("03/04/2024", None, None),
        ("soon", "dmy", None),
        ("", "dmy", None),
    ],
)
def test_rows_are_ordered_by_the_moment_their_column_means(text: str, order: str | None, expected: str | None) -> None:
    """Dates are read in the column's order; what is no date has no moment."""
    sql = moment_sql("c", order)
    assert DUCKDB.execute(f"SELECT CAST({sql} AS VARCHAR) FROM (SELECT ? AS c)", [text]).fetchone() == (expected,)
