"""The workflow that a new workspace ships active (facts/twenty.md §11.1)."""

from typing import Any

import pytest
from talk import Talk

COMPANY = "cccccccc-0000-4000-8000-000000000000"


def later(talk: Talk, seconds: float) -> None:
    """Let the workspace's time pass and the due runs run."""
    talk.server.workspace.clock.offset += seconds
    talk.server.workflow.run_due()


def test_it_makes_a_company_and_overwrites_the_link_that_was_sent() -> None:
    """Some 12 s after a person came, companyId points to the domain's company and updatedBy is the platform's own."""
    talk = Talk(workflow=True)
    talk.made("companies", {"id": COMPANY, "name": "Ours"})
    row = talk.made("people", {"emails": {"primaryEmail": "a@pune.test"}, "companyId": COMPANY, "createdBy": {"source": "IMPORT"}})[
        0
    ]
    later(talk, 11)
    assert talk.get(f"/rest/people/{row['id']}")["data"]["person"]["companyId"] == COMPANY
    later(talk, 2)
    person = talk.get(f"/rest/people/{row['id']}", depth=1)["data"]["person"]
    assert person["company"]["domainName"]["primaryLinkUrl"] == "https://pune.test"
    assert person["company"]["createdBy"]["source"] == "WORKFLOW"
    assert person["updatedBy"] == {"source": "APPLICATION", "workspaceMemberId": None, "name": "Standard", "context": {}}
    assert person["updatedAt"] > row["updatedAt"]


CALM: list[dict[str, Any]] = [
    {"emails": {"primaryEmail": "a@gmail.com"}},
    {"emails": {"primaryEmail": ""}},
    {"emails": {"primaryEmail": "a@pune.test"}, "createdBy": {"source": "EMAIL"}},
]


@pytest.mark.parametrize("values", CALM)
def test_it_leaves_personal_domains_empty_mails_and_mailed_people_alone(values: dict[str, Any]) -> None:
    """No company appears and the person stays as written."""
    talk = Talk(workflow=True)
    row = talk.made("people", values)[0]
    before = talk.get("/rest/companies", limit=0)["totalCount"]
    later(talk, 30)
    assert talk.get("/rest/companies", limit=0)["totalCount"] == before
    assert talk.get(f"/rest/people/{row['id']}")["data"]["person"]["updatedAt"] == row["updatedAt"]


def test_an_api_key_cannot_switch_it_off_but_a_person_can() -> None:
    """The key is forbidden; a user session deactivates it, and its version and trigger show that."""
    talk = Talk(workflow=True)
    version = next(
        row for row in talk.get("/rest/workflowVersions")["data"]["workflowVersions"] if row["trigger"]["type"] == "DATABASE_EVENT"
    )
    assert version["status"] == "ACTIVE"
    mutation = "mutation($id:UUID!){deactivateWorkflowVersion(workflowVersionId:$id)}"
    assert talk.graphql(mutation, id=version["id"])["errors"][0]["message"] == "Forbidden resource"
    talk.server.sessions["key"] = {}
    talk.server.workspace.api_key = "another"
    assert talk.graphql(mutation, id=version["id"]) == {"data": {"deactivateWorkflowVersion": True}}
    assert talk.get(f"/rest/workflowVersions/{version['id']}")["data"]["workflowVersion"]["status"] == "DEACTIVATED"
    assert talk.get("/rest/workflowAutomatedTriggers")["totalCount"] == 0
