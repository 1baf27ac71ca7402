"""What the views show on a narrow terminal: whole numbers, typed steps, short lists."""

import re
from collections.abc import Callable
from io import StringIO
from pathlib import Path

import pytest
from rich.console import Console, RenderableType

from crosswalk.cli.session import Answer, Session, console
from crosswalk.cli.views.blocks import FindingBlock, Heading, Note, Table
from crosswalk.cli.views.loading import COUNTS, load_view
from crosswalk.cli.views.plan import LISTED, owners_view, plan_view
from crosswalk.cli.views.proof import reconciliation_view
from crosswalk.cli.views.state import audit_view
from crosswalk.cli.views.undo import kept_view, preview_view
from crosswalk.model.finding import Finding
from crosswalk.model.load_report import LoadReport, RecordLoad
from crosswalk.model.ownership import Owner, Owners
from crosswalk.model.plan import Estimate, Plan, Wave
from crosswalk.model.reconciliation import Reason, Reconciliation
from crosswalk.model.rollback_report import KeptRow, RollbackPreview
from crosswalk.store.entries import AuditEntry, ChainCheck


def shown(*blocks: RenderableType, width: int = 80) -> str:
    """What a terminal of that width shows."""
    out = StringIO()
    Console(file=out, width=width, markup=False, highlight=False, emoji=False).print(*blocks, sep="\n", crop=False)
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


KEYS = ("PDC-000051", "POL-2024-000000000123", f"Aetna|{'0123456789ab' * 4}", "x" * 90)


def audited(key: str) -> str:
    """The audit of that key."""
    entry = AuditEntry(
        1, "2026-11-21T19:11:00.123Z", None, 3, operation="schema_apply", record="insurance_policies", source_key=key,
        state="loaded_with_findings", message="The destination refused an amount of another currency than its own",
    )  # fmt: skip
    return shown(*audit_view([entry], ChainCheck(True, 12, "ab" * 32)))


def explained(key: str) -> str:
    """A verify that lists three keys as examples."""
    reason = Reason(source_object="insurance_policies", state="rejected", code="required_missing:patientId", rows=1234,
                    examples=("PDC-000001", key, "PDC-000003"))  # fmt: skip
    proof = Reconciliation(
        ledger=(), reasons=(reason,), records=(), links=(), totals=(), side_effects=(), balanced=False, problems=()
    )
    return shown(*reconciliation_view(proof))


def kept(key: str) -> str:
    """A row that a rollback leaves."""
    row = KeptRow(record="insurance_policies", object="pulse_insurancepolicy", destination_id="", key=key, reason="edited",
                  fields=("pulse_effectivedate", "pulse_expirationdate"), detail="words " * 9)  # fmt: skip
    return shown(*kept_view([row], 1))


@pytest.mark.parametrize("key", KEYS)
@pytest.mark.parametrize("view", [audited, explained, kept])
def test_keys_can_be_copied_from_a_narrow_terminal(view: Callable[[str], str], key: str) -> None:
    """A key stands whole on one line: `audit --source-id` takes it as it was copied."""
    text = view(key)
    assert any(key in line.split() for line in text.splitlines()), text
    longest = max(len(line) for line in text.splitlines())
    assert longest <= max(80, len(key) + 4), text


PLACE = Path("/srv/clinics") / ("north" * 20) / "report.html"


def test_paths_and_steps_can_be_copied_from_a_narrow_terminal(
    capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Neither a file's path nor the next step is broken over two lines by us."""
    monkeypatch.setenv("COLUMNS", "80")
    session = Session(folder=PLACE.parent)
    session.answer(Answer("x", {}, [Heading(f"In {PLACE}"), Note(f"Report: {PLACE}")], 'approve --by "Your Name" map', "w " * 30))
    session.fail(f"{PLACE} is there already", "Run crosswalk plan.", 2)
    printed = capfd.readouterr()
    lines = (printed.out + printed.err).splitlines()
    assert sum(str(PLACE) in line for line in lines) == 3
    assert any(f'crosswalk -C {PLACE.parent} approve --by "Your Name" map' in line for line in lines)
    assert any(f"crosswalk -C {PLACE.parent} plan" in line for line in lines)


def test_without_a_terminal_nothing_is_folded(monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]) -> None:
    """Into a pipe or a file goes one line for each row, with no blanks behind it."""
    monkeypatch.delenv("COLUMNS", raising=False)
    words = "a reason of many words " * 10
    Session(out=console(stderr=False)).answer(Answer("x", {}, [Heading("All"), Table("Rows", ("record", "~why"), [("p", words)])]))
    printed = capfd.readouterr().out
    assert words.strip() in printed
    assert max(len(line) for line in printed.splitlines()) < len(words) + 20


def test_a_plan_after_a_run_promises_no_writes() -> None:
    """What stands already is written again only where it differs."""
    wave = Wave(wave=1, record="patients", object="contact", title="Patients", writes=12759, rejected=0, matched=0)
    estimate = Estimate(requests=1, requests_per_minute=1, seconds=1)
    plan = Plan(
        destination="d", schema_changes=(), schema_digest="", staged_digest="", waves=(wave,), findings=(), estimate=estimate
    )
    assert "At most" not in shown(*plan_view(plan, None, (), 0))
    text = shown(*plan_view(plan, None, (), 12000))
    assert "At most 12,759 records" in text and "12,000 rows of this migration stand there" in text
