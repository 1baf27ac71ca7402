"""owners: every address that owns records, resolved against the destination's users before anything moves (E1)."""

from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path

import duckdb

from crosswalk.model.finding import Finding
from crosswalk.model.mapping import FALLBACK_OWNER, Mapping
from crosswalk.model.ownership import Owner, Owners
from crosswalk.model.record import User
from crosswalk.store.sql import quoted, staged_rows


def resolve_owners(
    mapping: Mapping, raw: Path, users: Sequence[User], fallback_email: str | None, connection: duckdb.DuckDBPyConnection
) -> tuple[Owners, tuple[Finding, ...]]:
    """Owners by e-mail: an address that several source rows or several active users share is a finding, never a match; disabled
    users are caught."""
    known = _by_address(users)
    columns = sorted(set(_owner_columns(mapping)))
    holders: Counter[str] = Counter()
    for source_object, column in columns:
        email = f"lower(trim({quoted(column)}))"
        rows = connection.execute(
            f"SELECT {email}, count(*) FROM {staged_rows(raw, source_object)} WHERE {email} <> '' GROUP BY 1"
        ).fetchall()
        holders.update(dict(rows))
    owners = tuple(_resolve(email, count, known) for email, count in sorted(holders.items()))
    fallback = _resolve((fallback_email or "").strip().lower(), 1, known)
    resolved = Owners(
        owners=owners, fallback_email=fallback_email, fallback_user_id=fallback.user_id, based_on={"mapping": mapping.digest()}
    )
    needed = any(mapped.owner for record in mapping.active().values() for mapped in record.fields.values())
    return resolved, tuple(_findings(resolved, needed))


def _owner_columns(mapping: Mapping) -> Iterator[tuple[str, str]]:
    """(source object, column) of every owner field."""
    for record in mapping.active().values():
        for mapped in record.fields.values():
            if mapped.owner and mapped.owner != FALLBACK_OWNER:
                alias, dot, column = mapped.owner.partition(".")
                joined = record.joins.get(alias) if dot else None
                yield (joined.from_, column) if joined else (record.from_, mapped.owner)


def _by_address(users: Sequence[User]) -> dict[str, dict[str, bool]]:
    """Address → the users who have it: id → whether they are active."""
    known: dict[str, dict[str, bool]] = {}
    for user in users:
        if email := user.email.strip().lower():
            known.setdefault(email, {})[user.id] = user.active
    return known


def _resolve(email: str, count: int, known: dict[str, dict[str, bool]]) -> Owner:
    users = known.get(email, {})
    active = [id for id, is_active in users.items() if is_active]
    if count > 1 or len(active) > 1:
        return Owner(email=email, status="shared", holders=count)
    if not users:
        return Owner(email=email, status="unmatched")
    return Owner(email=email, status="matched" if active else "disabled", user_id=active[0] if active else None)


def _findings(owners: Owners, needed: bool) -> Iterator[Finding]:
    if needed:
        yield from _without_owner(owners)
        yield from _without_fallback(owners)


def _without_owner(owners: Owners) -> Iterator[Finding]:
    """The addresses by which nobody is found: how many, and why."""
    counts = Counter(owner.status for owner in owners.owners)
    goes_to = f"their records go to {owners.fallback_email}" if owners.fallback_user_id else "their records have no owner"
    by_doctors = sum(owner.status == "shared" and owner.holders > 1 for owner in owners.owners)
    by_users = counts["shared"] - by_doctors
    if by_doctors:
        yield Finding(
            code="owner_shared_email", severity="warning", count=by_doctors,
            message=f"{by_doctors} e-mail addresses are shared by several doctors: nobody is matched by them; {goes_to}.",
            remedy="Give each doctor an address of their own in the source, or accept the fallback owner.",
        )  # fmt: skip
    if by_users:
        yield Finding(
            code="owner_shared_user_email", severity="warning", count=by_users,
            message=f"{by_users} doctors' addresses belong to several active users of the destination: nobody is matched by them; "
            f"{goes_to}.",
            remedy="Disable all users but one of each address, or accept the fallback owner.",
        )  # fmt: skip
    if counts["unmatched"]:
        yield Finding(
            code="owner_unmatched", severity="warning", count=counts["unmatched"],
            message=f"{counts['unmatched']} doctors' addresses belong to no user of the destination; {goes_to}.",
            remedy="Invite them to the destination and plan again, or accept the fallback owner.",
        )  # fmt: skip
    if counts["disabled"]:
        yield Finding(
            code="owner_disabled", severity="warning", count=counts["disabled"],
            message=f"{counts['disabled']} doctors' addresses belong to users who cannot own records, being disabled or without a "
            f"licence; {goes_to}.",
            remedy="Enable or license these users, or accept the fallback owner.",
        )  # fmt: skip


def _without_fallback(owners: Owners) -> Iterator[Finding]:
    """Whatever has no owner of its own needs one that can own it."""
    if owners.fallback_email and owners.fallback_user_id is None:
        yield Finding(
            code="fallback_owner_unknown", severity="blocking",
            message=f"The fallback owner {owners.fallback_email} is no active user of the destination, or is several: users who "
            "share the address.",
            remedy="Invite them, or set fallback_owner in crosswalk.toml to the address of one active user; then plan again.",
        )  # fmt: skip
    elif owners.fallback_user_id is None:
        yield Finding(
            code="owner_missing", severity="blocking", count=max(1, sum(owner.status != "matched" for owner in owners.owners)),
            message="There is no fallback owner, and not every record that needs an owner has one of its own.",
            remedy="Set fallback_owner in crosswalk.toml to a user of the destination, then plan again.",
        )  # fmt: skip
