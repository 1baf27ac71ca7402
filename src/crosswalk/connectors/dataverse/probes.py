"""Dataverse's own gotchas, found by looking: what a plan should know before anything is written (facts/dataverse.md §0)."""

from collections.abc import Iterator, Mapping
from typing import Any, cast

from crosswalk.connectors.dataverse.client import DataverseClient
from crosswalk.connectors.dataverse.description import NOTE, Description, Table, value_of
from crosswalk.connectors.dataverse.fields import OVERRIDDEN_CREATED_ON
from crosswalk.connectors.dataverse.files import DEFAULT_LIMIT
from crosswalk.connectors.dataverse.probe_answers import Answers, found, questions
from crosswalk.connectors.dataverse.probe_automations import automations
from crosswalk.connectors.dataverse.probe_capacities import capacities
from crosswalk.model.finding import Finding


async def probe(client: DataverseClient, description: Description, written: Mapping[str, int], currency: str) -> list[Finding]:
    """Findings for a migration that writes so many records of these tables (ones still to be created are allowed), and amounts
    in this currency."""
    answers = await questions(client, description, written)
    tables = [description.tables[name] for name in written if name in description.tables]
    return [
        *automations(answers, written),
        *_keys(tables),
        *_duplicate_rules(answers, written),
        *_users(answers),
        *_required(tables),
        *_organization(answers, tables),
        *_currency(answers, currency),
        *_cascades(tables, description),
        *_created_on(description, tables),
        *_baseline(answers, tables),
        *capacities(client, description, written),
    ]


def _keys(tables: list[Table]) -> Iterator[Finding]:
    """A key does nothing until its index is built (§6.6)."""
    for table in tables:
        for key in table.keys:
            if key.status != "Active":
                yield found(
                    "key_not_active",
                    "warning",
                    f"The key {key.name} on {', '.join(key.columns)} of {table.logical} is {key.status}: its values are not "
                    "kept unique, and it finds no record.",
                    "Wait until it is Active, or make its values unique and activate it anew in the maker portal.",
                    object=table.logical,
                    field=key.columns[0] if len(key.columns) == 1 else None,
                )


def _duplicate_rules(answers: Answers, written: Mapping[str, int]) -> Iterator[Finding]:
    """Rules are off for programs unless a request asks for them (§2, §7)."""
    rules = answers.rows("duplicaterules")
    if rules is None:
        yield answers.unchecked("duplicate_rules_unchecked", "duplicate detection rules", "apply to the records we write")
        return
    for table in sorted({str(rule.get("baseentityname")) for rule in rules} & set(written)):
        names = sorted(str(rule.get("name")) for rule in rules if rule.get("baseentityname") == table)
        yield found(
            "duplicate_rule_active",
            "info",
            f"Published duplicate detection rules for {table}: {len(names)}. They stay suppressed for what we write: "
            "duplicates of the source are stored as they come, and found by the rules when people edit them.",
            "Nothing to do. To have duplicates joined, let the mapping match them.",
            object=table,
            count=len(names),
            examples=tuple(names),
        )


def _users(answers: Answers) -> Iterator[Finding]:
    """A disabled or unlicensed user cannot own records (§3.7)."""
    users = answers.rows("systemusers")
    if users is None:
        yield answers.unchecked("users_unchecked", "users", "are disabled or have no licence")
        return
    people = [user for user in users if user.get("applicationid") is None]
    disabled = [user for user in people if user.get("isdisabled")]
    unlicensed = [user for user in people if user.get("islicensed") is False and not user.get("isdisabled")]
    for code, held, what in (
        ("owner_disabled", disabled, "are disabled"),
        ("owner_unlicensed", unlicensed, "have no licence"),
    ):
        if held:
            yield found(
                code,
                "info",
                f"Users who {what} and cannot own records: {len(held)}. What is theirs in the source goes to the fallback owner.",
                "Enable or license those who should own their records in the Power Platform admin center, then run plan again.",
                object="systemuser",
                count=len(held),
                examples=tuple(sorted(str(user.get("internalemailaddress") or user.get("domainname") or "") for user in held)[:5]),
            )


def _required(tables: list[Table]) -> Iterator[Finding]:
    """The Web API enforces SystemRequired alone (§3.10)."""
    for table in tables:
        names = sorted(
            column.logical
            for column in table.columns.values()
            if column.required_level == "ApplicationRequired" and (column.creatable or column.updatable)
        )
        if names:
            yield found(
                "required_not_enforced",
                "info",
                f"{table.logical} requires {', '.join(names)} of people, not of programs: a record without them is "
                "stored, and cannot be saved by a person until they are filled.",
                "Map them, with a default where the source is empty.",
                object=table.logical,
                count=len(names),
                examples=tuple(names),
            )


def _organization(answers: Answers, tables: list[Table]) -> Iterator[Finding]:
    """Upload limit (§9), auditing, base currency (§3.12)."""
    rows = answers.rows("organizations")
    if not rows:
        yield answers.unchecked("organization_unchecked", "the organisation's settings", "limit what we write")
        return
    settings = rows[0]
    if any(table.logical == NOTE for table in tables):
        most = int(settings.get("maxuploadfilesize") or DEFAULT_LIMIT)
        yield found(
            "upload_limit",
            "info",
            f"The organisation takes documents up to {most:,} bytes; larger ones are refused, each with a finding.",
            "To take larger ones (131,072,000 bytes at most), raise the limit in the Power Platform admin center.",
            object=NOTE,
            count=most,
        )
    audited = sorted(table.logical for table in tables if value_of(table.raw.get("IsAuditEnabled")))
    if settings.get("isauditenabled") and audited:
        yield found(
            "audit_enabled",
            "info",
            f"Changes of {', '.join(audited)} are audited: every record written adds to the log, which an undo leaves as it is.",
            "Nothing to do; or let an administrator switch auditing off for the time of the migration, to save log storage.",
            count=len(audited),
            examples=tuple(audited),
        )


def _currency(answers: Answers, currency: str) -> Iterator[Finding]:
    """Amounts are stored in the organisation's base currency, whatever they were in the source (§3.12)."""
    rows = answers.rows("organizations") or []
    base = next((cast(Mapping[str, Any], row.get("basecurrencyid") or {}).get("isocurrencycode") for row in rows), None)
    if base and base != currency:
        yield found(
            "base_currency_differs",
            "warning",
            f"The organisation's base currency is {base}, the source's is {currency}: amounts will show as {base}, unconverted.",
            "The base currency of an organisation is permanent: migrate into one whose base currency is the source's, or accept "
            "that amounts carry another currency's sign.",
            examples=(str(base),),
        )


def _cascades(tables: list[Table], description: Description) -> Iterator[Finding]:
    """Deleting a record of ours would take others along (§0.7): an undo looks for them first, where it can see them."""
    for table in tables:
        taken = sorted({r.referencing for r in table.referenced_by if r.cascade.get("Delete") == "Cascade"})
        unseen = [name for name in taken if name not in description.tables]
        if taken:
            yield found(
                "delete_cascades",
                "info",
                f"Deleting a record of {table.logical} deletes its {', '.join(taken)} too. An undo keeps every {table.logical} "
                "that records it did not create depend on"
                + (f", as far as it can see them: not {', '.join(unseen)}." if unseen else "."),
                "Look through the undo's preview before you undo.",
                object=table.logical,
                count=len(taken),
                examples=tuple(taken),
            )


def _created_on(description: Description, tables: list[Table]) -> Iterator[Finding]:
    """Creation times can be set on creation alone, and with a privilege (§3.6)."""
    if not description.may_set_created_on and any(OVERRIDDEN_CREATED_ON in table.columns for table in tables):
        yield found(
            "created_on_not_writable",
            "warning",
            "Our application user may not set when a record was created (prvOverrideCreatedOnCreatedBy): every record will "
            "show the day of the migration.",
            "Give its role “Override Created on or Created by for Records during Data Import”, or rely on the columns that keep "
            "the original times.",
        )


def _baseline(answers: Answers, tables: list[Table]) -> Iterator[Finding]:
    for table in tables:
        held = answers.count(f"held:{table.logical}")
        if held:
            yield found(
                "organisation_not_empty",
                "info",
                f"Records already in {table.logical}: {_many(held)}.",
                "Nothing to do: they are not touched and are left out of the counts. Choose a policy for matches.",
                object=table.logical,
                count=held,
            )
        for key in table.keys:
            keyed = answers.count(f"keyed:{table.logical}.{key.columns[0]}") if len(key.columns) == 1 else 0
            if keyed:
                yield found(
                    "keys_present",
                    "warning",
                    f"{_many(keyed)} records of {table.logical} already carry a value in {key.columns[0]}, which is kept unique.",
                    "If they come from an earlier migration, let the mapping match them; else empty the column.",
                    object=table.logical,
                    field=key.columns[0],
                    count=keyed,
                )


def _many(count: int) -> str:
    return "5,000 or more" if count >= 5_000 else f"{count:,}"
