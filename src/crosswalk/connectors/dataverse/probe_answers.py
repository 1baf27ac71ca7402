"""Everything the probes want to know, asked in one request; what may not be read is told apart from what is not there."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import cast

from crosswalk.connectors.dataverse.addresses import with_query
from crosswalk.connectors.dataverse.client import DataverseClient
from crosswalk.connectors.dataverse.description import Description, Raw
from crosswalk.model.finding import Finding, Severity

_QUESTIONS: Mapping[str, Mapping[str, str]] = {
    "organizations": {"$select": "maxuploadfilesize,isauditenabled", "$expand": "basecurrencyid($select=isocurrencycode)"},
    "duplicaterules": {"$select": "name,baseentityname", "$filter": "statecode eq 1"},
    "systemusers": {
        "$select": "internalemailaddress,domainname,isdisabled,islicensed,applicationid",
        "$filter": "isdisabled eq true or islicensed eq false",
    },
    "workflows": {
        "$select": "name,category,primaryentity,triggeroncreate,triggeronupdateattributelist",
        "$filter": "statecode eq 1 and type eq 1",
    },
    "mailboxes": {"$select": "name,actdeliverymethod", "$filter": "actdeliverymethod eq 1 and statecode eq 0"},
    "callbackregistrations": {"$select": "name,entityname,message,url"},
    "sdkmessageprocessingsteps": {
        "$select": "name,ismanaged",
        "$filter": "statecode eq 0",
        "$expand": "sdkmessageid($select=name),sdkmessagefilterid($select=primaryobjecttypecode),"
        "eventhandler_serviceendpoint($select=name,url)",
    },
}
"""By the entity set that is asked."""


@dataclass(frozen=True, slots=True)
class Answers:
    """What was answered, by the name of the question; None where it was refused."""

    contents: Mapping[str, Raw | None]

    def rows(self, question: str) -> list[Raw] | None:
        """The rows; None when our role may not read them, or the organisation has no such table."""
        content = self.contents.get(question)
        return None if content is None else cast(list[Raw], content["value"])

    def count(self, question: str) -> int:
        """The count that was asked for; the platform counts no further than 5,000 (§8)."""
        content = self.contents.get(question)
        return 0 if content is None else int(content.get("@odata.count") or 0)

    def unchecked(self, code: str, what: str, doing: str) -> Finding:
        """The finding for what could not be read."""
        return found(
            code,
            "warning",
            f"Our application user may not read {what}, so it is not known whether any {doing}.",
            "Give its role the right to read them, or let an administrator look before the migration.",
        )


async def questions(client: DataverseClient, description: Description, written: Mapping[str, int]) -> Answers:
    """Ask everything; the baseline of each written table and of each of its keys too."""
    asked = {entity_set: with_query(entity_set, query) for entity_set, query in _QUESTIONS.items()}
    for table in (description.tables[name] for name in written if name in description.tables):
        counted = {"$select": table.primary_id, "$top": "1", "$count": "true"}
        asked[f"held:{table.logical}"] = with_query(table.entity_set, counted)
        for key in table.keys:
            if len(key.columns) == 1 and key.columns[0] in table.columns:
                filled = {**counted, "$filter": f"{key.columns[0]} ne null"}
                asked[f"keyed:{table.logical}.{key.columns[0]}"] = with_query(table.entity_set, filled)
    answers = await client.read_many(list(asked.values()))
    contents = {name: answer.json() if answer.ok else None for name, answer in zip(asked, answers, strict=True)}
    return Answers(contents)


def found(
    code: str,
    severity: Severity,
    message: str,
    remedy: str,
    *,
    object: str | None = None,
    field: str | None = None,
    count: int = 1,
    examples: tuple[str, ...] = (),
) -> Finding:
    """A finding."""
    return Finding(
        code=code, severity=severity, message=message, remedy=remedy, object=object, field=field, count=count, examples=examples
    )
