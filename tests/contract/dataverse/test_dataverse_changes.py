"""Changes by the Dynamics 365 connector: batches refused as a whole, and parties that no leaf stands for."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any
from uuid import uuid4

from dynamics_sandbox import MARKER, Sandbox, created

from crosswalk.connectors.dataverse.client import DataverseClient
from crosswalk.connectors.dataverse.connector import DynamicsDestination
from crosswalk.connectors.dataverse.multipart import BatchItem, Part, PartAnswer
from crosswalk.model.errors import RejectedError
from crosswalk.model.record import Row, Write


class Gate(DataverseClient):
    """A client before whose organisation a proxy refuses batches of changes: one of them (`refuse`), or those of too many."""

    most = 1000
    refuse: RejectedError | None = None
    sizes: Sequence[int] = ()

    async def batch(self, items: Sequence[BatchItem]) -> list[PartAnswer]:
        if any(isinstance(item, Part) and item.method == "PATCH" for item in items):
            refuse, self.refuse = self.refuse, None
            if refuse is not None or len(items) > self.most:
                raise refuse or RejectedError("It is too large.", "too_large", "Send less.")
            self.sizes = [*self.sizes, sum(len(item.body) for item in items if isinstance(item, Part))]
        return await super().batch(items)


async def test_a_batch_refused_as_a_whole_speaks_for_its_own_records(server: Sandbox) -> None:
    """The changes of other batches are made and answered so; a batch that is only too large is halved."""
    await server.control("reset", {})
    client = Gate(server.ready["url"], server.credentials)
    async with DynamicsDestination(client) as opened:
        ids = [str(uuid4()) for _ in range(250)]
        await opened.create("annotation", [Write(identity, {"subject": "First"}) for identity in ids], MARKER)
        client.most = 60
        answers = await opened.update("annotation", [Write(identity, {"subject": "Second"}) for identity in ids])
        assert [answer.values["subject"] for answer in answers if isinstance(answer, Row)] == ["Second"] * 250
        client.most, client.refuse = 1000, RejectedError("It is not for us.", "permission", "Ask.")
        answers = await opened.update("annotation", [Write(identity, {"subject": "Third"}) for identity in ids])
        refused = {identity for identity, answer in zip(ids, answers, strict=True) if isinstance(answer, RejectedError)}
        assert 0 < len(refused) < 250
        assert {row.id for row in await opened.fetch("annotation", ids) if row.values["subject"] == "Second"} == refused


async def test_documents_count_when_changes_are_cut_into_batches(server: Sandbox, tmp_path: Path) -> None:
    """A batch is given up by the organisation above 116 MB (§4.5): with documents inside their notes, few go together."""
    await server.control("reset", {})
    (tmp_path / "scan.pdf").write_bytes(b"x" * 2_500_000)
    client = Gate(server.ready["url"], server.credentials)
    async with DynamicsDestination(client) as opened:
        ids = [str(uuid4()) for _ in range(6)]
        await opened.create("annotation", [Write(identity, {"subject": "Scan"}) for identity in ids], MARKER)
        value = await opened.upload(tmp_path / "scan.pdf", "scan.pdf")
        answers = await opened.update("annotation", [Write(identity, {"documentbody": value}) for identity in ids])
    assert [answer.values["documentbody"] for answer in answers if isinstance(answer, Row)] == [value] * 6
    assert len(client.sizes) == 3 and max(client.sizes) < 8_000_000


async def parties_of(server: Sandbox, appointment: str) -> set[tuple[str, int]]:
    """(address or id, kind) of everybody in an appointment."""
    expand = "$expand=appointment_activity_parties($select=addressused,_partyid_value,participationtypemask)"
    held = await server.call("GET", f"appointments({appointment})?$select=subject&{expand}")
    return {
        (item.get("addressused") or item["_partyid_value"], item["participationtypemask"])
        for item in held["appointment_activity_parties"]
    }


async def test_parties_that_no_leaf_stands_for_stay(server: Sandbox, destination: DynamicsDestination) -> None:
    """A guest without a record (§3.8) is there still after a change of the other attendees, whichever of them it names."""
    one, two = [(await created(destination, "contact", lastname=name)).id for name in ("Rao", "Iyer")]
    times = {"scheduledstart": "2020-01-02T10:00:00.000Z", "scheduledend": "2020-01-02T10:30:00.000Z"}
    row = await created(destination, "appointment", subject="Visit", requiredattendees__contact=one, **times)
    parties: list[dict[str, Any]] = [
        {"partyid_contact@odata.bind": f"/contacts({one})", "participationtypemask": 5},
        {"addressused": "guest@x.test", "participationtypemask": 5},
    ]
    await server.call("PATCH", f"appointments({row.id})", {"appointment_activity_parties": parties})
    changes: Sequence[tuple[dict[str, Any], set[tuple[str, int]]]] = [
        ({"optionalattendees.contact": two}, {(one, 5), (two, 6)}),
        ({"requiredattendees.contact": two}, {(two, 5), (two, 6)}),
        ({path: None for path in (await destination.fetch("appointment", [row.id]))[0].values if "attendees." in path}, set()),
    ]
    for change, others in changes:
        (answer,) = await destination.update("appointment", [Write(row.id, change)])
        assert isinstance(answer, Row) and {path: answer.values[path] for path in change} == change
        attending = {party for party in await parties_of(server, row.id) if party[1] in (5, 6)}
        assert attending == {("guest@x.test", 5), *others}
