"""Everything the probes want to know, asked in two requests; what may not be read is told apart from what is not there."""

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass
from typing import cast

from crosswalk.connectors.dataverse.addresses import with_query
from crosswalk.connectors.dataverse.client import DataverseClient, page_preferences
from crosswalk.connectors.dataverse.description import Description, Raw
from crosswalk.connectors.dataverse.multipart import PartAnswer
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
    listed = {entity_set: with_query(entity_set, query) for entity_set, query in _QUESTIONS.items()}
    counted = _counts(description, written)
    # A page's size must not be asked of what has a `$top` (facts/dataverse.md §8).
    answers = await asyncio.gather(
        client.try_many(list(listed.values()), {"Prefer": page_preferences()}), client.try_many(list(counted.values()))
    )
    contents = {name: await _whole(client, answer) for name, answer in zip(listed, answers[0], strict=True)}
    contents |= {name: _content(answer) for name, answer in zip(counted, answers[1], strict=True)}
    return Answers(contents)


def _counts(description: Description, written: Mapping[str, int]) -> dict[str, str]:
    """The addresses that count the rows of each written table, and those with a value in one of its keys."""
    asked: dict[str, str] = {}
    for table in (description.tables[name] for name in written if name in description.tables):
        query = {"$select": table.primary_id, "$top": "1", "$count": "true"}
        asked[f"held:{table.logical}"] = with_query(table.entity_set, query)
        for key in table.keys:
            if len(key.columns) == 1 and key.columns[0] in table.columns:
                filled = {**query, "$filter": f"{key.columns[0]} ne null"}
                asked[f"keyed:{table.logical}.{key.columns[0]}"] = with_query(table.entity_set, filled)
    return asked


def _content(answer: PartAnswer) -> Raw | None:
    return cast(Raw, answer.json()) if answer.ok else None


async def _whole(client: DataverseClient, answer: PartAnswer) -> Raw | None:
    """The content with the rows of all pages: what stands behind the first 5,000 could be the webhook that is looked for."""
    content = _content(answer)
    link = content.get("@odata.nextLink") if content is not None else None
    if content is None or link is None:
        return content
    more = [row async for page in client.linked_rows(str(link)) for row in page]
    return {**content, "value": [*content["value"], *more]}


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
