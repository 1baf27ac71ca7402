"""The field-level comparison of what was meant with what the destination holds."""

from collections.abc import Sequence

from crosswalk.cli.views.blocks import Block, Cell, Heading, Table, number, some, verdict
from crosswalk.model.field_diff import FieldCount, FieldDiff

LISTED = 20


def diff_view(diff: FieldDiff, unmapped: Sequence[tuple[str, str, str]], listed: int = LISTED) -> list[Block]:
    """Counts per field, the rules of what the platform rewrites, unmapped source fields, the first differences."""
    clean = diff.clean()
    words = "nothing differs" if clean else f"{number(diff.differences_total)} differ, {number(diff.rows_missing)} rows are missing"
    shown: list[Block] = [Heading(f"{number(diff.rows)} rows compared field by field: {words}", verdict(clean))]
    columns = (
        "field",
        "#equal",
        "#normalised",
        "#different",
        "#missing",
        "#left out",
        "#not written",
        "#by automation",
        "~normalised by",
    )
    shown.append(Table("Fields", columns, [_field(item) for item in diff.fields], footer=_footer(diff.fields)))
    if unmapped:
        shown.append(Table("Unmapped source fields", ("object", "field", "~why"), unmapped))
    if diff.differences:
        rows = [(item.record, item.key, item.field or "(the whole row)", item.verdict) for item in diff.differences[:listed]]
        title = f"First {len(rows)} of {number(diff.differences_total)} differences"
        shown.append(Table(title, ("record", "~source key", "~field", "verdict"), rows))
    return shown


def _field(item: FieldCount) -> Sequence[Cell]:
    counts = (some(item.left_out), some(item.not_written), some(item.by_automation, "warn"))
    return (
        f"{item.record}.{item.field}",
        item.equal,
        some(item.normalised),
        some(item.different, "bad"),
        some(item.missing, "bad"),
        *counts,
        "; ".join(item.rules),
    )


def _footer(fields: Sequence[FieldCount]) -> Sequence[Cell]:
    names = ("equal", "normalised", "different", "missing", "left_out", "not_written", "by_automation")
    return ("all", *(sum(getattr(item, name) for item in fields) for name in names), "")
