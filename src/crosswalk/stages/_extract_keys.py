"""The key every row gets (A3): the source's own, else its business key, else its content; as SQL."""

from crosswalk.model.source_schema import SourceObject
from crosswalk.store.sql import literal, quoted


def has_key_sql(item: SourceObject) -> str:
    """Whether a row's key columns hold anything."""
    parts = [f"coalesce(trim({quoted(column)}), '') <> ''" for column in item.key]
    return f"({' OR '.join(parts)})" if parts else "false"


def key_sql(item: SourceObject) -> str:
    """A row's key before occurrences are numbered: a single column's text trimmed; several joined by `|`, a `|` inside a part
    doubled; the content's digest where they are all blank. Where occurrences will be numbered (`#2`), a `#` is doubled too."""
    if not item.key:
        return content_sql(item)
    if len(item.key) == 1:
        own = f"trim({quoted(item.key[0])})"
    else:
        own = " || '|' || ".join(f"replace(trim(coalesce({quoted(column)}, '')), '|', '||')" for column in item.key)
    if numbered(item):
        own = f"replace({own}, '#', '##')"
    return f"CASE WHEN {has_key_sql(item)} THEN {own} ELSE {content_sql(item)} END"


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
