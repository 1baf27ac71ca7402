"""What the organisation would do by itself about the records we write: a migration must contact nobody and leave no trace
outside the CRM. Workflows and business rules: table `workflow`; invitations: `mailbox`; cloud flows: `callbackregistration`;
plug-ins and webhooks: `sdkmessageprocessingstep` with its `serviceendpoint` (Microsoft's table references,
learn.microsoft.com/power-apps)."""

from collections.abc import Iterator, Mapping
from typing import Any, cast
from urllib.parse import urlsplit

from crosswalk.connectors.dataverse.description import Raw
from crosswalk.connectors.dataverse.probe_answers import Answers, found
from crosswalk.model.finding import Finding

_WORKFLOW, _BUSINESS_RULE = 0, 2
"""workflow.category."""
_APPOINTMENT = "appointment"
_ON_DELETE_ONLY = 2
"""callbackregistration.message."""
_MESSAGES = frozenset({"Create", "CreateMultiple", "Update", "UpdateMultiple", "Assign", "SetState", "SetStateDynamicEntity"})
_OFF = "Switch it off for the time of the migration, then run plan again; switch it on again afterwards."


def automations(answers: Answers, written: Mapping[str, int]) -> list[Finding]:
    """Everything active on the written tables."""
    return [
        *_processes(answers, written),
        *_flows(answers, written),
        *_steps(answers, written),
        *_mailboxes(answers, written),
    ]


def _processes(answers: Answers, written: Mapping[str, int]) -> Iterator[Finding]:
    rows = answers.rows("workflows")
    if rows is None:
        yield answers.unchecked("workflow_unchecked", "processes (workflows)", "run on the records we write")
        return
    for row in rows:
        table, name, category = str(row.get("primaryentity")), str(row.get("name")), row.get("category")
        if table not in written:
            continue
        if category == _WORKFLOW and (row.get("triggeroncreate") or row.get("triggeronupdateattributelist")):
            yield found(
                "workflow_active",
                "blocking",
                f"The workflow “{name}” runs on every {table} that is written: it may send mail or change records.",
                _OFF,
                object=table,
                examples=(name,),
            )
        elif category == _BUSINESS_RULE:
            yield found(
                "business_rule_active",
                "warning",
                f"The business rule “{name}” applies to {table}: with the scope Entity it changes what we write, or refuses it.",
                _OFF,
                object=table,
                examples=(name,),
            )


def _flows(answers: Answers, written: Mapping[str, int]) -> Iterator[Finding]:
    rows = answers.rows("callbackregistrations")
    if rows is None:
        yield answers.unchecked("flow_unchecked", "the registrations of cloud flows", "run on the records we write")
        return
    for table in sorted({str(row.get("entityname")) for row in rows} & set(written)):
        mine = [row for row in rows if row.get("entityname") == table and row.get("message") != _ON_DELETE_ONLY]
        if mine:
            yield found(
                "flow_active",
                "blocking",
                f"{len(mine)} cloud flows run on every {table} that is written: they may send messages or copy patients' data.",
                "Turn them off in Power Automate for the time of the migration, then run plan again.",
                object=table,
                count=len(mine),
                examples=tuple(sorted({str(row.get("name")) for row in mine if row.get("name")})[:5]),
            )


def _steps(answers: Answers, written: Mapping[str, int]) -> Iterator[Finding]:
    rows = answers.rows("sdkmessageprocessingsteps")
    if rows is None:
        yield answers.unchecked("plugin_unchecked", "plug-in steps and webhooks", "are told of the records we write")
        return
    plugins: dict[str, list[str]] = {}
    for row in rows:
        table = str(_part(row, "sdkmessagefilterid").get("primaryobjecttypecode"))
        if table not in written or _part(row, "sdkmessageid").get("name") not in _MESSAGES:
            continue
        endpoint = _part(row, "eventhandler_serviceendpoint")
        if endpoint:
            yield _outside(table, endpoint)
        elif not row.get("ismanaged"):
            plugins.setdefault(table, []).append(str(row.get("name")))
    for table, names in sorted(plugins.items()):
        yield found(
            "plugin_active",
            "warning",
            f"{len(names)} plug-ins of the organisation's own run on {table}: they may change, slow down or refuse what we write.",
            "Ask who maintains them whether they may run during a migration; else " + _OFF[0].lower() + _OFF[1:],
            object=table,
            count=len(names),
            examples=tuple(sorted(names)[:5]),
        )


def _mailboxes(answers: Answers, written: Mapping[str, int]) -> Iterator[Finding]:
    """Server-side synchronization brings appointments to Exchange, which invites their attendees: patients
    (learn.microsoft.com/power-platform/admin/sync-logic; table reference `mailbox`: actdeliverymethod 1)."""
    if _APPOINTMENT not in written:
        return
    rows = answers.rows("mailboxes")
    if rows is None:
        yield answers.unchecked("mailbox_unchecked", "mailboxes", "brings appointments to Exchange, which would invite patients")
    elif rows:
        yield found(
            "mailbox_synchronizes",
            "blocking",
            f"{len(rows)} mailboxes bring appointments to Exchange: patients would be invited to appointments to come.",
            "Set their synchronization of appointments to None in the Power Platform admin center for the time of the migration, "
            "then run plan again.",
            object=_APPOINTMENT,
            count=len(rows),
            examples=tuple(sorted(str(row.get("name")) for row in rows)[:5]),
        )


def _outside(table: str, endpoint: Raw) -> Finding:
    host = urlsplit(str(endpoint.get("url") or "")).hostname or "an unnamed host"
    return found(
        "webhook_outside",
        "blocking",
        f"A service endpoint sends every change of {table} to {host}: patients' data would leave the CRM.",
        "Disable its steps in the Plug-in Registration tool for the time of the migration, then run plan again.",
        object=table,
        examples=(host,),
    )


def _part(row: Raw, name: str) -> Mapping[str, Any]:
    return cast(Mapping[str, Any], row.get(name) or {})
