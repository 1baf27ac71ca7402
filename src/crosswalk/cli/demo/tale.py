"""The reckoning, for people: where every kind of planted dirt ended, and what nobody planted."""

from collections import defaultdict

from crosswalk.cli.demo.planted import Ended, Reckoning
from crosswalk.cli.views.blocks import Block, Cell, Heading, Note, Table, mark


def reckoning_view(found: Reckoning) -> list[Block]:
    """One line per kind of dirt and end; then everything that is not as planted."""
    groups: dict[tuple[str, str, str, bool], list[Ended]] = defaultdict(list)
    for item in found.items:
        groups[item.kind, item.expect, item.found, item.good].append(item)
    rows: list[tuple[Cell, ...]] = [
        (mark(good), kind, expect, end, items[0].place + (f" (+{len(items) - 1})" if len(items) > 1 else ""))
        for (kind, expect, end, good), items in sorted(groups.items())
    ]
    shown: list[Block] = [Heading("What was planted, and where it ended")]
    shown.append(Table("", ("", "planted", "expected", "~ended", "?~where"), rows))
    shown += [Note(f"✗ nobody planted: {text}", "bad") for text in found.unplanned]
    shown += [Note(f"✗ counts: {text}", "bad") for text in found.miscounted]
    return shown
