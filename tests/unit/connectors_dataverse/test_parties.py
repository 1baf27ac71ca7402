"""Parties that stand, sent again with a change of others (facts/dataverse.md §3.8)."""

from dataclasses import replace
from typing import Any

import pytest
from small_organization import organization

from crosswalk.connectors.dataverse.leaves import TARGET
from crosswalk.connectors.dataverse.parties import sent_again
from crosswalk.model.errors import RejectedError

ONE, TWO = "00000000-0000-0000-0000-000000000001", "00000000-0000-0000-0000-000000000002"
DESCRIPTION = replace(organization(), entity_sets={**organization().entity_sets, "queue": "queues"})
TABLE = DESCRIPTION.table("appointment")


def party(mask: int, identity: str | None = None, target: str | None = None, address: str | None = None) -> dict[str, Any]:
    return {"participationtypemask": mask, "_partyid_value": identity, f"_partyid_value{TARGET}": target, "addressused": address}


def test_what_a_change_does_not_name_is_sent_again() -> None:
    """Other roles, guests by their address, queues by id; what the change names and what the platform keeps itself are not."""
    held = [
        party(5, ONE, "contact", "rao@x.test"),
        party(5, TWO, "systemuser"),
        party(5, None, None, "guest@x.test"),
        party(6, TWO, "unresolvedaddress", "other@x.test"),
        party(6, TWO, "queue"),
        party(8, ONE, "contact"),
        party(9, TWO, "systemuser"),
    ]
    assert sent_again(DESCRIPTION, TABLE, held, {"requiredattendees.contact"}) == [
        {"partyid_systemuser@odata.bind": f"/systemusers({TWO})", "participationtypemask": 5},
        {"addressused": "guest@x.test", "participationtypemask": 5},
        {"addressused": "other@x.test", "participationtypemask": 6},
        {"partyid_queue@odata.bind": f"/queues({TWO})", "participationtypemask": 6},
    ]


@pytest.mark.parametrize("held", [party(5), party(5, ONE, "new_room", "room@x.test"), party(5, ONE)])
def test_a_party_that_cannot_be_said_is_not_removed(held: dict[str, Any]) -> None:
    """The change is refused instead."""
    with pytest.raises(RejectedError) as refused:
        sent_again(DESCRIPTION, TABLE, [held], {"organizer.systemuser"})
    assert refused.value.code == "validation" and "by hand" in refused.value.remedy
