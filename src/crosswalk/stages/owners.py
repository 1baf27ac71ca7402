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
    """Owners by e-mail: an address several source rows share is a finding, never a match; disabled users are caught."""
    known = {user.email.strip().lower(): user for user in users}
    columns = sorted(set(_owner_columns(mapping)))
    holders: Counter[str] = Counter()
    for source_object, column in columns:
        email = f"lower(trim({quoted(column)}))"
        rows = connection.execute(
            f"SELECT {email}, count(*) FROM {staged_rows(raw, source_object)} WHERE {email} <> '' GROUP BY 1"
        ).fetchall()
        holders.update(dict(rows))
    owners = tuple(_resolve(email, count, known) for email, count in sorted(holders.items()))
    fallback = known.get((fallback_email or "").strip().lower())
    resolved = Owners(
        owners=owners,
        fallback_email=fallback_email,
        fallback_user_id=fallback.id if fallback and fallback.active else None,
        based_on={"mapping": mapping.digest()},
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


def _resolve(email: str, count: int, known: dict[str, User]) -> Owner:
    user = known.get(email)
    if count > 1:
        return Owner(email=email, status="shared", holders=count)
    if user is None:
        return Owner(email=email, status="unmatched")
    return Owner(email=email, status="matched" if user.active else "disabled", user_id=user.id if user.active else None)


def _findings(owners: Owners, needed: bool) -> Iterator[Finding]:
    if not needed:
        return
    counts = Counter(owner.status for owner in owners.owners)
    fallback = owners.fallback_email or ""
    goes_to = f"their records go to {fallback}" if owners.fallback_user_id else "their records have no owner"
    if counts["shared"]:
        yield Finding(
            code="owner_shared_email", severity="warning", count=counts["shared"],
            message=f"{counts['shared']} e-mail addresses are shared by several doctors: nobody is matched by them; {goes_to}.",
            remedy="Give each doctor an address of their own in the source, or accept the fallback owner.",
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
            message=f"{counts['disabled']} doctors' addresses belong to disabled users, who cannot own records; {goes_to}.",
            remedy="Enable these users, or accept the fallback owner.",
        )  # fmt: skip
    if owners.fallback_email and owners.fallback_user_id is None:
        yield Finding(
            code="fallback_owner_unknown", severity="blocking",
            message=f"The fallback owner {fallback} is no active user of the destination.",
            remedy="Invite them, or set fallback_owner in crosswalk.toml to somebody who is; then plan again.",
        )  # fmt: skip
    elif owners.fallback_user_id is None:
        yield Finding(
            code="owner_missing", severity="blocking", count=max(1, len(owners.owners) - counts["matched"]),
            message="There is no fallback owner, and not every record that needs an owner has one of its own.",
            remedy="Set fallback_owner in crosswalk.toml to a user of the destination, then plan again.",
        )  # fmt: skip
