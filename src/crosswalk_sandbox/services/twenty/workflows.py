"""The workflow that every new workspace ships active: it makes a company for each new person's e-mail domain.

facts/twenty.md §11.1: it fires on person.upserted when e-mails were set, some 12 s later, skips people made by EMAIL or CALENDAR
and personal domains, and overwrites the companyId that was sent. The person's updatedBy is then APPLICATION "Standard"
(transcripts f_email, noteTarget_filter_by_person).
"""

from collections import deque
from dataclasses import dataclass

from .baseline import COMPANY_WORKFLOW, version_id, workflow_id
from .errors import TwentyError
from .ids import new_id
from .records import Records
from .schema import ObjectType, Row
from .state import Workspace

DELAY_S = 12.0
PERSONAL = frozenset(
    [
        "gmail.com",
        "googlemail.com",
        "yahoo.com",
        "yahoo.co.in",
        "yahoo.co.uk",
        "hotmail.com",
        "outlook.com",
        "live.com",
        "msn.com",
        "aol.com",
        "icloud.com",
        "me.com",
        "mac.com",
        "proton.me",
        "protonmail.com",
        "gmx.com",
        "gmx.de",
        "mail.com",
        "zoho.com",
        "yandex.com",
        "rediffmail.com",
        "qq.com",
        "163.com",
    ]
)
APPLICATION: Row = {"source": "APPLICATION", "workspaceMemberId": None, "name": "Standard", "context": {}}
WORKFLOW: Row = {"source": "WORKFLOW", "workspaceMemberId": None, "name": COMPANY_WORKFLOW, "context": {}}


@dataclass(slots=True)
class Due:
    """One waiting run: the person, and when it is due by the workspace's clock."""

    person: str
    at: float


class CompanyWorkflow:
    """The queue of waiting runs. `run_due` is called by the server's ticker and before reads of a test that moved the clock."""

    def __init__(self, workspace: Workspace, records: Records, *, active: bool) -> None:
        self.workspace = workspace
        self.records = records
        self.delay_s = DELAY_S
        self.active = True
        self.waiting: deque[Due] = deque()
        workspace.listeners.append(self.heard)
        if not active:
            self.switch(active=False)

    def switch(self, *, active: bool) -> None:
        """(De)activate, as a user session can (transcript workflow_deactivate_as_user): the automated trigger row goes or comes."""
        if active == self.active:
            return
        self.active = active
        status = "ACTIVE" if active else "DEACTIVATED"
        self._set("workflowVersion", version_id(COMPANY_WORKFLOW), {"status": status})
        self._set("workflow", workflow_id(COMPANY_WORKFLOW), {"statuses": [status]})
        table = self.workspace.table("workflowAutomatedTrigger")
        rows = [(key, row) for key, row in table.scan() if row["workflowId"] == workflow_id(COMPANY_WORKFLOW)]
        if active and not rows:
            values: Row = {
                "type": "DATABASE_EVENT",
                "settings": {"eventName": "person.upserted", "fields": ["emails"]},
                "workflowId": workflow_id(COMPANY_WORKFLOW),
            }
            self.records.create(table.kind, [values], APPLICATION)
        for key, row in rows if not active else []:
            table.remove(key, row)

    def _set(self, name: str, key: str, values: Row) -> None:
        table = self.workspace.table(name)
        row = table.get(key)
        if row is not None:
            table.replace(key, row, {**row, **values, "updatedAt": self.workspace.clock.now()})

    def heard(self, kind: ObjectType, event: str, rows: list[Row], changed: list[str], actor: Row) -> None:
        """Queue a run for every person whose e-mails were set."""
        if not self.active or kind.name != "person" or event not in ("created", "updated"):
            return
        if actor is APPLICATION or (event == "updated" and "emails" not in changed):
            return
        at = self.workspace.clock.seconds() + self.delay_s
        for row in rows:
            if row["createdBy"]["source"] not in ("EMAIL", "CALENDAR"):
                self.waiting.append(Due(row["id"], at))

    def run_due(self) -> int:
        """Run what is due; returns how many ran."""
        now = self.workspace.clock.seconds()
        count = 0
        while self.waiting and self.waiting[0].at <= now:
            self._run(self.waiting.popleft().person)
            count += 1
        return count

    def _run(self, person: str) -> None:
        table = self.workspace.table("person")
        row = table.get(person)
        if row is None or row["deletedAt"] is not None:
            return
        domain = row["emails"]["primaryEmail"].rpartition("@")[2]
        if not domain or domain in PERSONAL:
            return
        self._log(row)
        company = self._company(domain)
        self.records.update(table.kind, person, {"companyId": company}, APPLICATION)

    def _company(self, domain: str) -> str:
        companies = self.workspace.table("company")
        for url in (f"https://{domain}", domain, f"http://{domain}", f"https://www.{domain}"):
            owner = companies.owner("domainName", url)
            if owner is not None and owner not in companies.soft_deleted:
                return owner
        values: Row = {"id": new_id(), "name": domain, "domainName": {"primaryLinkUrl": f"https://{domain}"}, "createdBy": WORKFLOW}
        try:
            return self.records.create(companies.kind, [values], WORKFLOW)[0]["id"]
        except TwentyError:  # the domain is held by a soft-deleted company
            return companies.owner("domainName", f"https://{domain}") or values["id"]

    def _log(self, person: Row) -> None:
        now = self.workspace.clock.now()
        name = f"{person['name']['firstName']} {person['name']['lastName']}".strip()
        values: Row = {"name": f"#1 - {COMPANY_WORKFLOW} {name}".strip(), "status": "COMPLETED", "enqueuedAt": now}
        values |= {"startedAt": now, "endedAt": now, "workflowId": workflow_id(COMPANY_WORKFLOW)}
        self.records.create(self.workspace.kinds["workflowRun"], [values], WORKFLOW)
