"""Findings from answers that the sandbox does not give: what may not be read, what is audited, what an undo cannot see."""

from collections.abc import AsyncIterator, Mapping, Sequence
from types import SimpleNamespace
from typing import Any

import orjson
import pytest

from crosswalk.connectors.dataverse.multipart import PartAnswer
from crosswalk.connectors.dataverse.probes import probe
from crosswalk.model.finding import Finding


class Organisation:
    """Answers a batch of questions by the entity set they ask for; everything else may not be read."""

    def __init__(self, **rows: Any) -> None:
        self._rows = rows

    async def try_many(self, paths: Sequence[str], headers: Mapping[str, str] | None = None) -> list[PartAnswer]:
        assert all(("$top=" in path) is (headers is None) for path in paths), "a page's size takes the place of $top"
        return [self._answer(path.partition("?")[0]) for path in paths]

    def _answer(self, entity_set: str) -> PartAnswer:
        """The first row, with a link to the others."""
        if entity_set not in self._rows:
            return PartAnswer(403, {}, b"{}")
        rows = self._rows[entity_set]
        link = {"@odata.nextLink": entity_set} if len(rows) > 1 else {}
        return PartAnswer(200, {}, orjson.dumps({"value": rows[:1], "@odata.count": len(rows), **link}))

    async def linked_rows(self, link: str) -> AsyncIterator[list[Any]]:
        for row in self._rows[link][1:]:
            yield [row]

    def traffic(self) -> Any:
        return SimpleNamespace(requests_per_minute=None)


def contact(audited: bool = False, **more: Any) -> Any:
    known = {"logical": "contact", "entity_set": "contacts", "primary_id": "contactid", "is_custom": False, "is_activity": False}
    raw = {"IsAuditEnabled": {"Value": audited, "CanBeChanged": True}}
    return SimpleNamespace(**known, **{"keys": (), "columns": {}, "referenced_by": (), "raw": raw, **more})


async def findings(organisation: Organisation, table: Any) -> dict[str, Finding]:
    description: Any = SimpleNamespace(tables={"contact": table}, may_set_created_on=True)
    client: Any = organisation
    return {item.code: item for item in await probe(client, description, {"contact": 1}, "USD")}


async def test_what_may_not_be_read_is_said() -> None:
    """A role that sees nothing is a warning for each thing unseen, never silence."""
    found = await findings(Organisation(), contact())
    unseen = {code for code in found if code.endswith("_unchecked")}
    assert unseen == {
        "workflow_unchecked",
        "flow_unchecked",
        "plugin_unchecked",
        "duplicate_rules_unchecked",
        "users_unchecked",
        "organization_unchecked",
    }
    assert {found[code].severity for code in unseen} == {"warning"}


@pytest.mark.parametrize(("organisation", "table", "told"), [(True, True, True), (True, False, False), (False, True, False)])
async def test_auditing_takes_both(organisation: bool, table: bool, told: bool) -> None:
    """Changes are logged where the organisation and the table are audited."""
    found = await findings(Organisation(organizations=[{"isauditenabled": organisation}]), contact(audited=table))
    assert ("audit_enabled" in found) is told


async def test_a_webhook_behind_the_first_page_is_seen() -> None:
    """Organisations with thousands of plug-in steps have them on several pages (§8)."""

    def step(name: str, **more: Any) -> Any:
        return {
            "sdkmessageid": {"name": "Create"},
            "sdkmessagefilterid": {"primaryobjecttypecode": "contact"},
            "name": name,
            **more,
        }

    hook = step("Hook", eventhandler_serviceendpoint={"url": "https://hooks.example.test/in"})
    found = await findings(Organisation(sdkmessageprocessingsteps=[step("One"), step("Two"), hook]), contact())
    assert found["webhook_outside"].examples == ("hooks.example.test",)
    assert found["plugin_active"].count == 2


async def test_cascades_into_tables_that_cannot_be_seen_are_named() -> None:
    """A deletion would take rows along that an undo cannot look at."""
    links = tuple(
        SimpleNamespace(referencing=name, cascade={"Delete": rule})
        for name, rule in (("contact", "Cascade"), ("msdyn_visit", "Cascade"), ("lead", "RemoveLink"))
    )
    finding = (await findings(Organisation(), contact(referenced_by=links)))["delete_cascades"]
    assert finding.examples == ("contact", "msdyn_visit") and "not msdyn_visit" in finding.message
