"""The plan a person approves before anything is written (E1–E3): schema changes, owners, waves, findings, estimate."""

from collections.abc import Collection

from crosswalk.model.artefact import Artefact, Frozen
from crosswalk.model.finding import Finding
from crosswalk.model.schema_plan import SchemaChange


class Wave(Frozen):
    """One record of the load order: how many writes, in which wave."""

    wave: int
    record: str
    object: str
    title: str
    writes: int
    rejected: int
    matched: int


class Estimate(Frozen):
    """How long the load will take at the destination's limit; a guess until the limit has been felt."""

    requests: int
    requests_per_minute: float
    seconds: float


class Plan(Artefact):
    """Everything `approve plan` seals. The estimate and informational findings may vary without making it another plan."""

    destination: str
    schema_changes: tuple[SchemaChange, ...]
    schema_digest: str
    """What the map touches in the destination, as described before the plan is applied."""
    staged_digest: str
    waves: tuple[Wave, ...]
    findings: tuple[Finding, ...]
    not_restorable: tuple[str, ...] = ()
    estimate: Estimate

    def blocking(self, accepted: Collection[str]) -> tuple[Finding, ...]:
        """The blocking findings whose code nobody has accepted, and those that nobody can."""
        return tuple(
            item for item in self.findings if item.severity == "blocking" and not (item.acceptable and item.code in accepted)
        )

    def acceptable(self, accepted: Collection[str]) -> tuple[str, ...]:
        """The codes of `blocking` that a person may accept, in order; none while a finding stands that nobody can."""
        blocking = self.blocking(accepted)
        return tuple(sorted({item.code for item in blocking})) if all(item.acceptable for item in blocking) else ()

    def digest(self) -> str:
        """Two plans that would write the same are the same plan."""
        lasting = tuple(item for item in self.findings if item.severity == "blocking")
        nothing = Estimate(requests=0, requests_per_minute=0, seconds=0)
        return super(Plan, self.model_copy(update={"findings": lasting, "estimate": nothing})).digest()


class Applied(Artefact):
    """The schema plan as applied (`based_on` plan): what the map touches in the destination, as read back afterwards."""

    schema_digest: str
    changes: tuple[SchemaChange, ...]
