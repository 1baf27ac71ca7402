"""The field-level comparison of what was meant with what the destination holds."""

from collections.abc import Iterator, Sequence

from crosswalk.cli.views.blocks import Block, Cell, Heading, Note, Table, Tone, number, some, verdict
from crosswalk.model.field_diff import FieldCount, FieldDiff

LISTED = 20
VERDICTS: dict[str, Tone] = {
    "equal": "plain", "normalised": "plain", "different": "bad", "missing": "bad", "left_out": "plain", "not_written": "plain",
    "by_automation": "warn",
}  # fmt: skip
WRITTEN = ("equal", "normalised", "different", "missing", "left_out", "by_automation")


def diff_view(diff: FieldDiff, unmapped: Sequence[tuple[str, str, str]], listed: int = LISTED) -> list[Block]:
    """Counts per field, the rules of what the platform rewrites, unmapped source fields, the first differences."""
    clean = diff.clean()
    words = "nothing differs" if clean else f"{number(diff.differences_total)} differ, {number(diff.rows_missing)} rows are missing"
    shown: list[Block] = [Heading(f"{number(diff.rows)} rows compared field by field: {words}", verdict(clean))]
    ours = [item for item in diff.fields if any(getattr(item, name) for name in WRITTEN)]
    shown.append(_fields(ours))
    shown += _filled_in([item for item in diff.fields if item not in ours])
    if unmapped:
        shown.append(Table("Unmapped source fields", ("object", "field", "~why"), unmapped))
    if diff.differences:
        rows = [(item.record, item.key, item.field or "(the whole row)", item.verdict) for item in diff.differences[:listed]]
        title = f"First {len(rows)} of {number(diff.differences_total)} differences"
        shown.append(Table(title, ("record", "!source key", "~field", "verdict"), rows))
    return shown


def _fields(fields: Sequence[FieldCount]) -> Table:
    """One line per field; verdicts that no field has are left out."""
    used = [name for name in VERDICTS if name == "equal" or any(getattr(item, name) for item in fields)]
    rules = any(item.rules for item in fields)
    columns = ("field", *(f"#{name.replace('_', ' ')}" for name in used), *(["~normalised by"] if rules else []))
    rows = [_field(item, used, rules) for item in fields]
    totals: list[Cell] = [sum(getattr(item, name) for item in fields) for name in used]
    return Table("Fields", columns, rows, footer=("all", *totals, *([""] if rules else [])))


def _field(item: FieldCount, used: Sequence[str], rules: bool) -> Sequence[Cell]:
    counts = [some(getattr(item, name), VERDICTS[name]) for name in used]
    return f"{item.record}.{item.field}", *counts, *(["; ".join(item.rules)] if rules else [])


def _filled_in(fields: Sequence[FieldCount]) -> Iterator[Block]:
    """Fields nobody mapped, which the destination fills in by itself."""
    records: dict[str, list[str]] = {}
    for item in fields:
        if item.not_written:
            records.setdefault(item.record, []).append(item.field)
    for record, names in records.items():
        yield Note(f"Filled in by the destination itself: {record} {', '.join(names)}")
