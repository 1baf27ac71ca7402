"""What the Dynamics 365 connector tells before a migration: every finding with its code, severity and remedy."""

from typing import Any

from dynamics_sandbox import Sandbox, connected

from crosswalk.connectors.dataverse.connector import DynamicsDestination
from crosswalk.model.finding import Finding

WRITTEN = {"contact": 100, "appointment": 50, "annotation": 10}


async def found(destination: DynamicsDestination, code: str, written: dict[str, int] = WRITTEN) -> list[Finding]:
    return [finding for finding in await destination.probe(written, "USD") if finding.code == code]


async def test_a_new_organisation_blocks_nothing(destination: DynamicsDestination) -> None:
    """Nothing blocks, nothing is left unread, and every finding says what to do."""
    findings = await destination.probe(WRITTEN, "USD")
    assert {finding.code for finding in findings if finding.severity == "blocking"} == set()
    assert {finding.code for finding in findings if finding.code.endswith("_unchecked")} == set()
    assert all(finding.remedy for finding in findings)
    assert {
        "upload_limit",
        "request_allowance",
        "rate_limit",
        "organisation_not_empty",
        "required_not_enforced",
        "delete_cascades",
        "owner_disabled",
    } <= {finding.code for finding in findings}


async def test_the_custom_tables_of_sales_professional(destination: DynamicsDestination) -> None:
    """Fifteen tables are worth knowing, a sixteenth blocks until somebody says that the licence covers it (§0.10)."""
    tables = {f"pulse_table{number}": 1 for number in range(15)}
    assert [finding.severity for finding in await found(destination, "custom_table_limit", tables)] == ["info"]
    tables["pulse_onemore"] = 1
    assert [finding.severity for finding in await found(destination, "custom_table_limit", tables)] == ["blocking"]


async def test_requests_against_the_day_s_allowance(destination: DynamicsDestination) -> None:
    """Each record counts, activities twice for their state; above half a million it is a warning (§5.5)."""
    (small,) = await found(destination, "request_allowance")
    assert small.severity == "info" and 200 <= small.count <= 300
    (large,) = await found(destination, "request_allowance", {"contact": 600_000})
    assert large.severity == "warning"


async def test_workflows_and_flows_block(server: Sandbox, destination: DynamicsDestination) -> None:
    """Nobody may be contacted by a migration: an active workflow or cloud flow on a written table blocks."""
    workflow = {"name": "Welcome mail", "category": 0, "type": 1, "primaryentity": "contact", "triggeroncreate": True}
    rule = {"name": "Phone is needed", "category": 2, "type": 1, "primaryentity": "contact"}
    ids = await server.seed("workflow", workflow, rule, {**workflow, "name": "Draft"})
    assert await found(destination, "workflow_active") == []
    for identity in ids[:2]:
        await server.person_edits("workflow", identity, {"statecode": 1})
    (finding,) = await found(destination, "workflow_active")
    assert (finding.severity, finding.object, finding.examples) == ("blocking", "contact", ("Welcome mail",))
    assert [finding.severity for finding in await found(destination, "business_rule_active")] == ["warning"]
    await server.seed("callbackregistration", {"name": "Tell the doctor", "entityname": "appointment", "message": 1})
    await server.seed("callbackregistration", {"name": "Clean up", "entityname": "annotation", "message": 2})
    assert [(item.severity, item.object) for item in await found(destination, "flow_active")] == [("blocking", "appointment")]
    assert await found(destination, "flow_active", {"account": 1}) == []


async def test_mailboxes_that_would_invite_patients_block(server: Sandbox, destination: DynamicsDestination) -> None:
    """Appointments brought to Exchange invite their attendees; a mailbox that does not synchronize them, or is off, is none."""
    await server.seed("mailbox", {"name": "Front desk", "actdeliverymethod": 2})
    assert await found(destination, "mailbox_synchronizes") == []
    await server.seed("mailbox", {"name": "Mehta", "actdeliverymethod": 1})
    (finding,) = await found(destination, "mailbox_synchronizes")
    assert (finding.severity, finding.object, finding.examples) == ("blocking", "appointment", ("Mehta",))
    assert await found(destination, "mailbox_synchronizes", {"contact": 1}) == []


async def test_amounts_of_another_currency(destination: DynamicsDestination) -> None:
    """The organisation stores every amount in its base currency: another one of the source is said before anything moves."""
    codes = [item.code for item in await destination.probe(WRITTEN, "INR") if item.code.startswith("base_currency")]
    assert codes == ["base_currency_differs"]
    assert not [item for item in await destination.probe(WRITTEN, "USD") if item.code.startswith("base_currency")]


async def test_webhooks_block_and_plug_ins_warn(server: Sandbox, destination: DynamicsDestination) -> None:
    """Of a webhook only the host is named, never the address or what it holds."""
    message = (await server.call("GET", "sdkmessages?$select=sdkmessageid&$filter=name%20eq%20'Create'"))["value"][0]
    (one,) = await server.seed(
        "sdkmessagefilter", {"primaryobjecttypecode": "contact", **bound("sdkmessageid", "sdkmessages", message)}
    )
    url = "https://hooks.example.test/in?code=s3cret"
    (hook,) = await server.seed("serviceendpoint", {"name": "Hook", "url": url, "contract": 8})
    step = {
        "name": "Send on",
        "sdkmessageid@odata.bind": f"/sdkmessages({message['sdkmessageid']})",
        "sdkmessagefilterid@odata.bind": f"/sdkmessagefilters({one})",
    }
    await server.seed("sdkmessageprocessingstep", {**step, "eventhandler_serviceendpoint@odata.bind": f"/serviceendpoints({hook})"})
    await server.seed("sdkmessageprocessingstep", {**step, "name": "Own numbering"})
    (finding,) = await found(destination, "webhook_outside")
    assert finding.severity == "blocking" and "hooks.example.test" in finding.message
    assert "s3cret" not in finding.model_dump_json()
    (finding,) = await found(destination, "plugin_active")
    assert (finding.severity, finding.examples) == ("warning", ("Own numbering",))
    assert await found(destination, "plugin_active", {"account": 1}) == []


def bound(name: str, entity_set: str, row: dict[str, Any]) -> dict[str, str]:
    return {f"{name}@odata.bind": f"/{entity_set}({row[name]})"}


async def test_duplicate_rules_stay_out_of_it(server: Sandbox, destination: DynamicsDestination) -> None:
    """Published rules are suppressed for programs (§7), which is worth knowing and no more."""
    ids = await server.seed("duplicaterule", {"name": "Same e-mail", "baseentityname": "contact", "matchingentityname": "contact"})
    await server.person_edits("duplicaterule", ids[0], {"statecode": 1})
    (finding,) = await found(destination, "duplicate_rule_active")
    assert (finding.severity, finding.object) == ("info", "contact")
    assert "Same e-mail" in finding.examples


async def test_the_creation_time_s_privilege(server: Sandbox) -> None:
    """Without the privilege every record would show the day of the migration (§3.6)."""
    async with connected(server) as opened:
        assert await found(opened, "created_on_not_writable") == []
    async with connected(server) as opened:
        await server.control("privileges", {"member": "application", "withhold": ["prvOverrideCreatedOnCreatedBy"]})
        assert [finding.severity for finding in await found(opened, "created_on_not_writable")] == ["warning"]


async def test_what_stands_already_is_counted(destination: DynamicsDestination) -> None:
    """The baseline, so that nobody wonders about the counts afterwards."""
    counts = {finding.object: finding.count for finding in await found(destination, "organisation_not_empty")}
    assert counts == {"contact": 2, "appointment": 1, "annotation": 1}


async def test_disabled_users_are_named(destination: DynamicsDestination) -> None:
    """They cannot own records (§3.7)."""
    (finding,) = await found(destination, "owner_disabled")
    assert finding.examples == ("former@clinic.test",)
