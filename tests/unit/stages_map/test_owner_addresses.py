"""owners: every address that owns records is settled before anything moves (E1)."""

from collections.abc import Sequence

import pytest
from map_world import Plain, World, the_map

from crosswalk.model.finding import Finding
from crosswalk.model.mapping import Mapping
from crosswalk.model.ownership import Owners
from crosswalk.model.record import User
from crosswalk.stages.owners import resolve_owners

DOCTORS = ["one@x.test", " ONE-more@x.test ", "both@x.test", "Both@X.test", "gone@x.test", "off@x.test", "", None]
USERS = [
    User("u1", "One@x.test"), User("u2", "one-more@x.test"), User("u3", "both@x.test"), User("u4", "off@x.test", active=False),
    User("u9", "desk@x.test"),
]  # fmt: skip


def by_doctor(doctors: str = "doctors") -> Mapping:
    """Visits owned by their doctor's address."""
    fields: Plain = {"assigneeId": {"owner": "by.Email"}}
    joins: Plain = {"by": {"from": doctors, "match": {"Id": "Doctor"}}}
    return the_map({"tasks": {"to": "tasks", "from": "visits", "joins": joins, "fields": fields}})


def resolved(
    world: World, fallback: str | None = None, emails: Sequence[str | None] = DOCTORS, folded: Sequence[int] = ()
) -> tuple[Owners, tuple[Finding, ...]]:
    """The doctors' addresses against the users."""
    world.put("Our doctors.2", [{"Id": f"d{n}", "Email": email} for n, email in enumerate(emails)], folded=folded)
    return resolve_owners(by_doctor("Our doctors.2"), world.raw, USERS, fallback, world.connection)


def test_each_address_is_matched_shared_disabled_or_unmatched(world: World) -> None:
    """Compared trimmed and case-blind; an address of two doctors never matches, though a user has it."""
    owners, _ = resolved(world)
    assert {owner.email: (owner.status, owner.user_id) for owner in owners.owners} == {
        "one@x.test": ("matched", "u1"), "one-more@x.test": ("matched", "u2"), "both@x.test": ("shared", None),
        "gone@x.test": ("unmatched", None), "off@x.test": ("disabled", None),
    }  # fmt: skip


def test_a_folded_copy_of_a_doctor_shares_nothing(world: World) -> None:
    """Two rows that are one doctor are one holder."""
    owners, _ = resolved(world, emails=["one@x.test", "one@x.test"], folded=[2])
    assert [owner.status for owner in owners.owners] == ["matched"]


FALLBACKS: list[tuple[str, str | None, str, str | None]] = [
    ("none is given", None, "owner_missing", None),
    ("nobody has it", "nobody@x.test", "fallback_owner_unknown", None),
    ("it is disabled", "off@x.test", "fallback_owner_unknown", None),
    ("it is a user's", " Desk@X.test", "", "u9"),
]


@pytest.mark.parametrize(("fallback", "code", "user"), [case[1:] for case in FALLBACKS], ids=[case[0] for case in FALLBACKS])
def test_without_a_fallback_that_can_own_nothing_moves(world: World, fallback: str | None, code: str, user: str | None) -> None:
    """No fallback, an unknown or a disabled one blocks; a good one owns the rest."""
    owners, findings = resolved(world, fallback)
    assert owners.fallback_user_id == user
    assert [item.code for item in findings if item.severity == "blocking"] == ([code] if code else [])


def test_shared_unmatched_and_disabled_addresses_are_counted_without_naming_them(world: World) -> None:
    """Each kind is one finding with its number and a remedy; addresses are personal data and stay out (law 8)."""
    _, findings = resolved(world, "desk@x.test")
    assert {item.code: item.count for item in findings} == {"owner_shared_email": 1, "owner_unmatched": 1, "owner_disabled": 1}
    assert all(item.remedy and "both@" not in item.message + item.remedy for item in findings)


@pytest.mark.parametrize(
    ("users", "status", "user"),
    [
        (["u1", "off u2"], "matched", "u1"),
        (["off u2", "u1"], "matched", "u1"),
        (["u1", "u2"], "shared", None),
        (["off u1", "off u2"], "disabled", None),
        (["u1", "u1"], "matched", "u1"),
    ],
)
def test_several_users_with_one_address(world: World, users: list[str], status: str, user: str | None) -> None:
    """Who is active has it, whatever the order; of two active ones nobody knows whom is meant: a finding, and no owner, not even
    as the fallback."""
    world.put("doctors", [{"Id": "d1", "Email": "one@x.test"}])
    known = [User(name.removeprefix("off "), "One@x.test", active=not name.startswith("off")) for name in users]
    owners, findings = resolve_owners(by_doctor(), world.raw, known, "one@x.test", world.connection)
    (owner,) = owners.owners
    assert (owner.status, owner.user_id, owners.fallback_user_id) == (status, user, user)
    codes = {"matched": set[str](), "shared": {"owner_shared_user_email"}, "disabled": {"owner_disabled"}}[status]
    assert {item.code for item in findings} == (codes | {"fallback_owner_unknown"} if codes else codes)


def test_a_map_without_owners_needs_none(world: World) -> None:
    """Nothing is asked for where nothing is owned."""
    world.put("visits", [{"Id": "v1"}])
    mapping = the_map({"tasks": {"to": "tasks", "from": "visits", "fields": {"title": {"from": "Id"}}}})
    assert resolve_owners(mapping, world.raw, USERS, None, world.connection)[1] == ()
