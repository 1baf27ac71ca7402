"""What the views show on a narrow terminal: whole numbers, typed steps, short lists."""

import re
from io import StringIO
from pathlib import Path

import pytest
from rich.console import Console, RenderableType

from crosswalk.cli.session import Session
from crosswalk.cli.views.blocks import FindingBlock, Table
from crosswalk.cli.views.loading import COUNTS, load_view
from crosswalk.cli.views.plan import LISTED, owners_view
from crosswalk.cli.views.undo import preview_view
from crosswalk.model.finding import Finding
from crosswalk.model.load_report import LoadReport, RecordLoad
from crosswalk.model.ownership import Owner, Owners
from crosswalk.model.rollback_report import RollbackPreview


def shown(*blocks: RenderableType, width: int = 80) -> str:
    """What a terminal of that width shows."""
    out = StringIO()
    Console(file=out, width=width, markup=False, highlight=False, emoji=False).print(*blocks, sep="\n")
    return out.getvalue()


@pytest.mark.parametrize("width", [80, 100, 140])
def test_numbers_are_never_cut(width: int) -> None:
    """However crowded a table is, its numbers stand whole: 12,759 never reads as 12,7."""
    columns = ("record", "#rows", *(f"#{name}" for name in COUNTS))
    text = shown(Table("Run", columns, [("insurance_policies", 12759, *[2159] * len(COUNTS))]), width=width)
    assert re.findall(r"[\d,]{2,}", text) == ["12,759", *["2,159"] * len(COUNTS)]
    assert all(name in text for name in COUNTS)


def test_words_that_fold_keep_all_their_letters() -> None:
    """A filter in the map's table loses no character where it folds."""
    columns = ("record", "from", "to", "#fields", "#created", "#lookups", "~only rows where")
    rule = 'LOWER(TRIM("Type")) IN (\'clini…'
    row = ("Insurance carriers", "insurance_companies, folded", "pulse_insurancecarrier", 10, 8, 0, rule)
    letters = re.sub(r"\s", "", shown(Table("Records", columns, [row])))
    assert all(letters.count(mark) == rule.count(mark) for mark in '"(…')


def test_load_view_leaves_out_what_is_empty() -> None:
    """Outcomes that no row had take no column."""
    counts = RecordLoad(record="contacts", object="contact", rows=399, created=399)
    text = shown(*load_view(LoadReport(run=3, records=(counts,))))
    assert "created" in text and "conflicts" not in text


def test_many_owners_are_counted() -> None:
    """Hundreds of doctors without a user are one line, and the file that lists them is named."""
    many = Owners(owners=tuple(Owner(email=f"doctor{place}@example.org", status="unmatched") for place in range(LISTED + 1)))
    text = shown(*owners_view(many))
    assert "doctor1@" not in text and "owners.json" in text and str(LISTED + 1) in text
    few = Owners(owners=many.owners[:2])
    assert "doctor1@example.org" in shown(*owners_view(few))


def test_preview_groups_schema_changes() -> None:
    """What a rollback takes back is told by object, in words."""
    changes = ("add_options contact.gendercode", "create_field contact.a", "create_field pay.b", "create_object pay")
    preview = RollbackPreview(
        run=None, counts=(), kept=(), kept_total=0, side_effects=(), side_effects_total=0,
        schema_changes=changes, unsettled=0, not_restorable=(),
    )  # fmt: skip
    text = shown(*preview_view(preview))
    assert "options of gendercode, a" in text and "b, the object itself" in text and "create_field" not in text


def test_info_findings_hang() -> None:
    """The second line of an info finding begins under the first one's words."""
    finding = Finding(code="rate_limit", severity="info", message="word " * 40, remedy="None.")
    assert all(line.startswith(" " * 9) for line in shown(FindingBlock(finding)).splitlines()[1:])


@pytest.mark.parametrize(
    ("text", "typed"),
    [
        ("run crosswalk approve map.", "run crosswalk -C 'my clinic' approve map."),
        ("Run crosswalk init first.", "Run crosswalk init first."),
        ("set CROSSWALK_X", "set CROSSWALK_X"),
    ],
)
def test_remedies_can_be_typed_as_they_stand(text: str, typed: str) -> None:
    """A remedy's verbs name the migration's folder, except the one that makes it."""
    assert Session(folder=Path("my clinic")).typed(text) == typed
