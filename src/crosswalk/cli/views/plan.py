"""What would happen, before it does: schema changes, waves, findings, estimate."""

from collections import Counter, defaultdict
from collections.abc import Collection

from crosswalk.cli.progress import duration
from crosswalk.cli.views.blocks import Block, Heading, Note, Table, number
from crosswalk.cli.views.findings import findings_view
from crosswalk.model.ownership import Owners
from crosswalk.model.plan import Plan
from crosswalk.model.schema_plan import SchemaChange

LISTED = 20
"""Owners' addresses that are listed one by one."""
WORDS = {"create_object": "new object", "create_field": "new fields", "add_options": "new options"}


def plan_view(plan: Plan, owners: Owners | None, accepted: Collection[str], standing: int) -> list[Block]:
    """Everything `approve plan` seals, in the order it will happen. `standing`: rows that this migration has written already."""
    writes = sum(item.writes for item in plan.waves)
    words = f"{number(writes)} records to write into {plan.destination}"
    shown: list[Block] = [Heading(f"At most {words}" if standing else words)]
    if standing:
        words = (
            f"{number(standing)} rows of this migration stand there already; a run writes only what is new or differs from them."
        )
        shown.append(Note(words, "plain"))
    shown += changes_view(plan.schema_changes)
    waves = [(item.wave, item.title, item.object, item.writes, item.matched, item.rejected) for item in plan.waves]
    total = ("", "all", "", writes, sum(item.matched for item in plan.waves), sum(item.rejected for item in plan.waves))
    shown.append(
        Table("Waves (parents first)", ("#wave", "records", "?object", "#writes", "#matched", "#rejected"), waves, footer=total)
    )
    if owners is not None:
        shown += owners_view(owners)
    estimate = plan.estimate
    pace = f"{number(estimate.requests)} requests at {estimate.requests_per_minute:.0f} a minute"
    shown.append(
        Note(f"Estimate: at least {duration(estimate.seconds)} for {pace}; the sample shows how fast the CRM really stores.")
    )
    shown += [Note(f"Undo cannot restore: {what}") for what in plan.not_restorable]
    return [*shown, *findings_view(plan.findings, accepted)]


def changes_view(changes: Collection[SchemaChange]) -> list[Block]:
    """The schema changes, by object."""
    if not changes:
        return [Note("The destination's schema needs no change.")]
    by_object: dict[str, list[SchemaChange]] = defaultdict(list)
    for change in changes:
        by_object[change.object].append(change)
    rows = [
        (name, _what(items), ", ".join(item.name for item in items if item.operation != "create_object"))
        for name, items in by_object.items()
    ]
    return [Table(f"{len(changes)} schema changes", ("object", "what", "~fields"), rows)]


def _what(items: list[SchemaChange]) -> str:
    counts = {word: sum(item.operation == name for item in items) for name, word in WORDS.items()}
    return ", ".join(word if word == "new object" else f"{count} {word}" for word, count in counts.items() if count)


def owners_view(owners: Owners) -> list[Block]:
    """How the owners' addresses were resolved: each by itself, or counted where they are many. Doctors' work addresses are no
    patients' values."""
    goes_to = (owners.fallback_email if owners.fallback_user_id else None) or "nobody: no fallback owner"
    if len(owners.owners) <= LISTED:
        rows = [(item.email, item.status, "themselves" if item.user_id else goes_to) for item in owners.owners]
        return [Table("Owners", ("address", "status", "~their records go to"), rows)]
    counts = Counter((item.status, "themselves" if item.user_id else goes_to) for item in owners.owners)
    counted = [(status, count, owner) for (status, owner), count in counts.most_common()]
    return [
        Table("Owners", ("status", "#addresses", "~their records go to"), counted),
        Note("The addresses one by one: artefacts/owners.json"),
    ]
