"""What the Dynamics 365 connector finds by whom it refers to, and what it says of what it may not read, against the sandbox."""

from uuid import uuid4

import pytest
from dynamics_sandbox import Sandbox, created

from crosswalk.connectors.dataverse.connector import DynamicsDestination
from crosswalk.model.errors import RejectedError


async def test_an_appointment_is_found_by_any_of_its_attendees(destination: DynamicsDestination) -> None:
    """In the part that is asked for (§3.8), however many there are."""
    one, two, three = [(await created(destination, "contact", lastname=name)).id for name in ("Rao", "Iyer", "Sen")]
    times = {"scheduledstart": "2020-01-02T10:00:00.000Z", "scheduledend": "2020-01-02T10:30:00.000Z"}
    both = await created(
        destination, "appointment", requiredattendees__contact=[one, two], optionalattendees__contact=three, **times
    )
    lone = await created(destination, "appointment", requiredattendees__contact=three, **times)

    async def found(path: str, *ids: str) -> set[str]:
        return {row.id for row in await destination.find("appointment", path, ids)}

    assert await found("requiredattendees.contact", one.upper()) == {both.id}
    assert await found("requiredattendees.contact", two, three, str(uuid4())) == {both.id, lone.id}
    assert await found("optionalattendees.contact", one, three) == {both.id}
    many = [str(uuid4()) for _ in range(400)]
    assert await found("requiredattendees.contact", *many, one) == {both.id}


async def test_a_user_without_a_licence_owns_nothing(server: Sandbox, destination: DynamicsDestination) -> None:
    """As the probe says: what is theirs in the source goes to the fallback owner."""
    (mehta,) = [user for user in await destination.users() if user.email == "mehta@clinic.test"]
    assert mehta.active
    await server.person_edits("systemuser", mehta.id, {"islicensed": False}, "admin@clinic.test")
    (mehta,) = [user for user in await destination.users() if user.email == "mehta@clinic.test"]
    assert not mehta.active
    (finding,) = [item for item in await destination.probe({"contact": 1}, "USD") if item.code == "owner_unlicensed"]
    assert finding.examples == ("mehta@clinic.test",)


@pytest.mark.parametrize(
    ("table", "path", "privilege"),
    [
        ("task", "regardingobjectid.contact", "prvReadTask"),
        ("appointment", "requiredattendees.contact", "prvReadAppointment"),
    ],
)
async def test_a_table_that_may_not_be_read_is_said(
    server: Sandbox, destination: DynamicsDestination, table: str, path: str, privilege: str
) -> None:
    """With the privilege and what to do: its rows may refer to ours, so an undo has to know."""
    await destination.describe()
    await server.control("privileges", {"member": "application", "withhold": [privilege]})
    with pytest.raises(RejectedError) as unseen:
        await destination.referring(table, path)
    assert unseen.value.code == "permission"
    assert table in unseen.value.message and privilege in unseen.value.message and table in unseen.value.remedy
