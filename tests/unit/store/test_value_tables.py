"""Python transforms on distinct values, and the short ways SQL takes."""

import duckdb
import pytest
from hypothesis import given
from hypothesis import strategies as st

from crosswalk.store.value_tables import FAST, fill_value_table
from crosswalk.transforms.contract import Settings
from crosswalk.transforms.registry import TRANSFORMS

PLAIN = st.one_of(
    st.text(max_size=12),
    st.from_regex(r"[0-9]{1,17}([.][0-9]{1,3})?", fullmatch=True),
    st.from_regex(r"[0-9]{4}-[0-9]{2}-[0-9]{2}(T[0-9]{2}:[0-9]{2}:[0-9]{2}Z)?", fullmatch=True),
    st.from_regex(r"[A-Za-z0-9(#][ -~]{3,8}", fullmatch=True),
    st.sampled_from(["(null)", "NULL", "#N/A", "1.23457E+11", "N/A", "unknown", "00501", "1e5", "12345E6"]),
)


@pytest.mark.parametrize("name", sorted(FAST))
@given(text=PLAIN)
def test_where_sql_settles_a_value_python_agrees(name: str, text: str) -> None:
    """A short way is taken only for spellings where it gives exactly what the transform gives, and no finding."""
    expected = TRANSFORMS[name].function(text, Settings())
    with duckdb.connect() as connection:
        row = connection.execute(f"SELECT {FAST[name].format(c='b.raw')} FROM (SELECT ? AS raw) b", [text]).fetchone()
    settled = row[0] if row else None
    if settled is not None:
        value = expected.value
        assert expected.finding is None
        assert settled == (value.replace(tzinfo=None) if name == "datetime" else value)  # pyright: ignore


def test_every_distinct_value_is_transformed_once_with_its_finding() -> None:
    """The table holds one row per distinct value SQL cannot settle, with the typed value and the finding."""
    with duckdb.connect() as connection:
        connection.execute(
            "CREATE TABLE rows AS SELECT unnest(['03/04/2024', '31/02/2024', '03/04/2024', '2024-05-06', '']) AS Day"
        )
        table = fill_value_table(connection, "days", "rows", "Day", "date", Settings(date_order="dmy"))
        found = connection.execute("SELECT raw, value::VARCHAR, finding FROM days ORDER BY raw").fetchall()
        assert found == [("03/04/2024", "2024-04-03", None), ("31/02/2024", None, "date_invalid")]
        query = f"SELECT {table.value('v')}::VARCHAR FROM rows b LEFT JOIN days v ON v.raw = b.Day WHERE b.Day = '2024-05-06'"
        assert connection.execute(query).fetchall() == [("2024-05-06",)]
