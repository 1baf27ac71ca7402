"""Who approved what (B4): a name, a digest, a moment. Kept with the artefacts and in the journal's chain."""

from typing import Literal

from crosswalk.model.artefact import Artefact, Frozen

What = Literal["map", "plan", "sample"]


class Approval(Frozen):
    """One approval. It holds for exactly this digest."""

    what: What
    digest: str
    by: str
    at: str


class Acceptance(Frozen):
    """A blocking finding somebody took on themselves, by code and name."""

    code: str
    by: str
    at: str


class Approvals(Artefact):
    """All approvals and acceptances of a migration, newest last."""

    approvals: tuple[Approval, ...] = ()
    acceptances: tuple[Acceptance, ...] = ()

    def current(self, what: What) -> Approval | None:
        """The newest approval of its kind, or None."""
        return next((item for item in reversed(self.approvals) if item.what == what), None)

    def accepted(self) -> tuple[str, ...]:
        """The codes of the accepted findings."""
        return tuple(dict.fromkeys(item.code for item in self.acceptances))
