"""The key every row gets (A3): the source's own, else its business key, else its content; as SQL."""

from collections.abc import Sequence

from crosswalk.model.source_schema import SourceObject
from crosswalk.store.sql import literal, quoted

DIGEST = 20
"""Hexadecimal digits that tell rows with the same first key column apart."""


def has_key_sql(item: SourceObject) -> str:
    """Whether a row's key columns hold anything."""
    parts = [f"coalesce(trim({quoted(column)}), '') <> ''" for column in item.key]
    return f"({' OR '.join(parts)})" if parts else "false"


def key_sql(item: SourceObject) -> str:
    """A row's key before occurrences are numbered: a single column's text trimmed; of several the first, a `|` and a digest of the
    others; the content's digest where they are all blank. Where occurrences will be numbered (`#2`), a `#` is doubled.

    A key is shown wherever a record is named. The first column says whose record it is; the others may hold a diagnosis or the
    number of a policy, which nobody asked to see (law 8).
    """
    if not item.key:
        return content_sql(item)
    own = f"trim(coalesce({quoted(item.key[0])}, ''))"
    if len(item.key) > 1:
        own += f" || '|' || left(sha1({_joined(item.key[1:])}), {DIGEST})"
    if numbered(item):
        own = f"replace({own}, '#', '##')"
    return f"CASE WHEN {has_key_sql(item)} THEN {own} ELSE {content_sql(item)} END"


def _joined(columns: Sequence[str]) -> str:
    """Trimmed texts between bars; a bar in a part is doubled, so that no two rows read the same."""
    return " || '|' || ".join(f"replace(trim(coalesce({quoted(column)}, '')), '|', '||')" for column in columns)


def content_sql(item: SourceObject) -> str:
    """SHA-1 (hex) over names and values of the filled cells, by name, so that a new empty column or another order of columns
    changes no row's key."""
    names = sorted(field.name for field in item.fields)
    cells = (f"CASE WHEN {quoted(name)} <> '' THEN {literal(name + '=')} || {_escaped(name)} END" for name in names)
    return f"sha1(concat_ws(chr(31), {', '.join(cells)}))"


def _escaped(name: str) -> str:
    """A cell in which the character between cells is doubled, so that no two rows read the same."""
    return f"replace({quoted(name)}, chr(31), chr(31) || chr(31))"


def numbered(item: SourceObject) -> bool:
    """Whether rows with the same key are different records (numbered), not copies of one (folded)."""
    return item.key_kind != "source"
