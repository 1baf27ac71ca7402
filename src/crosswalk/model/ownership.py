"""Who will own what (E1), and which rows of the destination already stand for a source row (E3)."""

from typing import Literal

from crosswalk.model.artefact import Artefact, Frozen


class Owner(Frozen):
    """One source e-mail address that owns records, and how it was resolved.

    `shared` addresses belong to several doctors and are never a match; `disabled` users cannot own records.
    """

    email: str
    status: Literal["matched", "shared", "unmatched", "disabled"]
    user_id: str | None = None
    holders: int = 1
    """How many source rows carry the address."""


class Owners(Artefact):
    """All owner addresses. Everything unresolved goes to the fallback; without one, nothing that needs an owner moves."""

    owners: tuple[Owner, ...] = ()
    fallback_email: str | None = None
    fallback_user_id: str | None = None


class Matched(Frozen):
    """A source row and the live destination row that stands for it."""

    record: str
    key: str
    id: str
    by: str


class Matches(Artefact):
    """All matches; what happens to them is the policy's choice (link, update, skip)."""

    matches: tuple[Matched, ...] = ()
