"""What a fresh workspace already holds: members, example rows and the default workflows (facts/twenty.md §11.2)."""

from typing import Any

from .ids import stable_id
from .schema import Row
from .state import SEED_ACTOR, SYSTEM_ACTOR, Workspace

MEMBERS = ("admin@clinic.test", "mehta@clinic.test", "iyer@clinic.test", "frontdesk@clinic.test")

# company, domain, person, e-mail, phone; the names are those of the shipped examples (transcripts people_list_empty, page_0)
EXAMPLES: list[tuple[str, str, str, str, str, str]] = [
    ("Airbnb", "airbnb.com", "Brian", "Chesky", "chesky@airbnb.com", "123456789"),
    ("Anthropic", "anthropic.com", "Dario", "Amodei", "amodei@anthropic.com", "555123456"),
    ("Stripe", "stripe.com", "Patrick", "Collison", "collison@stripe.com", "987625341"),
    ("Figma", "figma.com", "Dylan", "Field", "field@figma.com", "098822619"),
    ("Notion", "notion.com", "Ivan", "Zhao", "zhao@notion.com", "882261739"),
]
DEALS = ("Proposal for Airbnb", "Data platform", "Payments renewal", "Design seats", "Wiki rollout", "Support contract")
STAGE_OF = ("NEW", "SCREENING", "MEETING", "PROPOSAL", "CUSTOMER", "NEW")

COMPANY_WORKFLOW = "Create company when adding a new person"
LEAD_WORKFLOW = "Quick Lead"


def workflow_id(name: str) -> str:
    return stable_id("workflow", name)


def version_id(name: str) -> str:
    return stable_id("workflow-version", name)


def put(workspace: Workspace, kind: str, name: str, values: Row, actor: Row | None = None) -> str:
    """Store a row that ships with the workspace under a stable id, past all rules."""
    table = workspace.tables[kind]
    actor = actor or SEED_ACTOR
    key = values.get("id") or stable_id("row", kind, name)
    row = {
        **table.kind.template,
        "createdAt": workspace.born,
        "updatedAt": workspace.born,
        "createdBy": actor,
        "updatedBy": actor,
        **values,
        "id": key,
    }
    table.insert(key, row)
    return key


def add_member(workspace: Workspace, email: str) -> str:
    """A workspace member (transcript workspaceMembers); the name is read off the address."""
    local = email.partition("@")[0]
    first = "" if local == "admin" else local.capitalize()
    values: Row = {
        "userEmail": email,
        "userId": stable_id("user", email),
        "name": {"firstName": first, "lastName": ""},
        "position": 0,
    }
    return put(workspace, "workspaceMember", email, values, SYSTEM_ACTOR)


def _phone(number: str) -> Row:
    return {
        "primaryPhoneNumber": number,
        "primaryPhoneCountryCode": "",
        "primaryPhoneCallingCode": "+1",
        "additionalPhones": [],
    }


def _examples(workspace: Workspace) -> None:
    people: list[str] = []
    companies: list[str] = []
    for place, (company, domain, first, last, email, phone) in enumerate(EXAMPLES, 1):
        link: Row = {"primaryLinkLabel": "", "primaryLinkUrl": f"https://{domain}", "secondaryLinks": []}
        companies.append(put(workspace, "company", company, {"name": company, "domainName": link, "position": place}))
        person: Row = {
            "name": {"firstName": first, "lastName": last},
            "emails": {"primaryEmail": email, "additionalEmails": []},
            "phones": _phone(phone),
            "companyId": companies[-1],
            "position": place,
        }
        people.append(put(workspace, "person", email, person))
    for place, (deal, stage) in enumerate(zip(DEALS, STAGE_OF, strict=True), 1):
        values: Row = {
            "name": deal,
            "stage": stage,
            "amount": {"amountMicros": place * 10_000_000_000, "currencyCode": "USD"},
            "companyId": companies[place % len(companies)],
            "pointOfContactId": people[place % len(people)],
            "position": place,
        }
        put(workspace, "opportunity", deal, values)
    put(workspace, "dashboard", "My First Dashboard", {"title": "My First Dashboard", "position": 1})


def _workflow(workspace: Workspace, name: str, place: int, trigger: Row, steps: list[Row]) -> None:
    made_by: Row = {**SEED_ACTOR, "context": {}}
    values: Row = {"name": name, "statuses": ["ACTIVE"], "position": place, "createdBy": made_by}
    values |= {"id": workflow_id(name), "lastPublishedVersionId": version_id(name)}
    put(workspace, "workflow", name, values)
    version: Row = {"name": "v1", "trigger": trigger, "steps": steps, "status": "ACTIVE", "position": 1}
    version |= {"id": version_id(name), "workflowId": workflow_id(name)}
    put(workspace, "workflowVersion", name, version)


def _workflows(workspace: Workspace) -> None:
    settings: Row = {"eventName": "person.upserted", "fields": ["emails"], "outputSchema": {}}
    trigger: Row = {"name": "Record is created or updated", "type": "DATABASE_EVENT", "settings": settings}
    _workflow(workspace, LEAD_WORKFLOW, 1, {"name": "Launch manually", "type": "MANUAL", "settings": {}}, [])
    _workflow(workspace, COMPANY_WORKFLOW, 2, trigger, [])
    automated: dict[str, Any] = {
        "type": "DATABASE_EVENT",
        "settings": {"eventName": "person.upserted", "fields": ["emails"]},
        "workflowId": workflow_id(COMPANY_WORKFLOW),
        "position": 1,
    }
    put(workspace, "workflowAutomatedTrigger", COMPANY_WORKFLOW, automated)


def fill(workspace: Workspace, members: list[str]) -> None:
    """Give a new workspace its members and example rows."""
    for email in dict.fromkeys([*MEMBERS, *members]):
        add_member(workspace, email)
    _examples(workspace)
    _workflows(workspace)
