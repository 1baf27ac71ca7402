"""Twenty's own gotchas, found by looking (facts/twenty.md §6, §9 and §11): automations, webhooks, hidden rows, limits."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, cast
from urllib.parse import urlsplit

from crosswalk.connectors.twenty.client import TwentyClient
from crosswalk.connectors.twenty.describe import Description, Raw, raw_fields
from crosswalk.connectors.twenty.read import DELETED
from crosswalk.model.errors import RejectedError
from crosswalk.model.finding import Finding, Severity

_HIDDEN_WITHOUT_CHANNEL = frozenset({"calendarEvents", "calendarEventParticipants", "messages", "messageParticipants"})


async def probe(client: TwentyClient, description: Description, written: Sequence[str]) -> list[Finding]:
    """Findings for a migration that writes these objects (plural names; ones still to be created are allowed)."""
    singulars = {str(description.raw.get(plural, {}).get("nameSingular", plural)): plural for plural in written}
    return [
        *await _workflows(client, description, singulars),
        *await _webhooks(client, singulars),
        *await _baseline(client, description, written),
        *_hidden(written),
        *_deactivated(description, written),
        _limit(client),
    ]


async def _listed(client: TwentyClient, description: Description, plural: str) -> list[Mapping[str, Any]] | None:
    """All records of an object, or None when the key may not read it or the workspace has none of it."""
    if description.schema.object(plural) is None:
        return None
    try:
        return [record async for page in client.records(plural) for record in page]
    except RejectedError:
        return None


async def _workflows(client: TwentyClient, description: Description, written: Mapping[str, str]) -> list[Finding]:
    versions = await _listed(client, description, "workflowVersions")
    if versions is None:
        return [_unchecked("workflow_unchecked", "workflows", "run on the records we write")]
    triggers = await _listed(client, description, "workflowAutomatedTriggers") or []
    names = {str(item["id"]): str(item.get("name") or "") for item in await _listed(client, description, "workflows") or []}
    active: dict[str, set[str]] = {}
    for version in versions:
        trigger = cast(Raw, version.get("trigger") or {})
        if version.get("status") == "ACTIVE" and trigger.get("type") == "DATABASE_EVENT":
            _note(active, str(version.get("workflowId")), cast(Raw, trigger.get("settings") or {}))
    for trigger in triggers:
        if trigger.get("type") == "DATABASE_EVENT":
            _note(active, str(trigger.get("workflowId")), cast(Raw, trigger.get("settings") or {}))
    found: list[Finding] = []
    for workflow, events in sorted(active.items()):
        for singular in sorted(_touched(events, written)):
            name = names.get(workflow) or workflow
            found.append(
                _finding(
                    "workflow_active",
                    "blocking",
                    f"The active workflow “{name}” runs on every {singular} that is written: it may change or create records.",
                    "Let an administrator deactivate it in Twenty under Workflows (an API key cannot), then run plan again; "
                    "switch it on again after the migration.",
                    object=written.get(singular),
                    examples=(name,),
                )
            )
    return found


def _note(active: dict[str, set[str]], workflow: str, settings: Raw) -> None:
    event = str(settings.get("eventName") or "")
    if event:
        active.setdefault(workflow, set()).add(event)


def _touched(events: set[str], written: Mapping[str, str]) -> set[str]:
    """The written objects (singular) that events such as `person.upserted`, `*.created` or `*` speak of."""
    subjects = {event.partition(".")[0] for event in events}
    return set(written) if "*" in subjects else subjects & set(written)


async def _webhooks(client: TwentyClient, written: Mapping[str, str]) -> list[Finding]:
    try:
        content = await client.read_metadata("/rest/metadata/webhooks")
    except RejectedError:
        return [_unchecked("webhook_unchecked", "webhooks", "are told of the records we write")]
    found: list[Finding] = []
    for hook in _hooks(content):
        operations = {str(operation) for operation in hook.get("operations") or ()}
        touched = sorted(_touched(operations, written))
        if touched and hook.get("deletedAt") is None:
            host = urlsplit(str(hook.get("targetUrl") or "")).hostname or "an unnamed host"
            found.append(
                _finding(
                    "webhook_outside",
                    "blocking",
                    f"A webhook sends every change of {', '.join(touched)} to {host}: patients' data would leave the CRM.",
                    "Delete or narrow it in Settings → APIs & Webhooks for the time of the migration, then run plan again.",
                    object=written[touched[0]] if len(touched) == 1 else None,
                    count=len(touched),
                    examples=(host,),
                )
            )
    return found


def _hooks(content: Any) -> Iterator[Raw]:
    """Webhooks from any of the answer's forms: a bare list, `{data: [...]}`, `{data: {webhooks: [...]}}`."""
    held = content
    while isinstance(held, Mapping):
        inner = cast(Mapping[str, Any], held)
        held = inner.get("data") or inner.get("webhooks")
    for item in cast(list[Any], held or []):
        if isinstance(item, Mapping):
            yield cast(Raw, item)


async def _baseline(client: TwentyClient, description: Description, written: Sequence[str]) -> list[Finding]:
    """How many records were there before (§11), and how many deleted ones still hold their unique values (§5)."""
    found: list[Finding] = []
    for plural in written:
        item = description.schema.object(plural)
        if item is None:
            continue
        live = await _count(client, plural, {})
        if live:
            found.append(
                _finding(
                    "workspace_not_empty",
                    "info",
                    f"{plural} already hold {live} records.",
                    "Nothing to do: they are not touched and are left out of the counts. Choose a policy for matches.",
                    object=plural,
                    count=live,
                )
            )
        deleted = await _count(client, plural, {"filter": DELETED})
        unique = [field.path for field in item.fields if field.unique and field.path != "id"]
        if deleted and unique:
            found.append(
                _finding(
                    "soft_deleted_hold_values",
                    "warning",
                    f"{deleted} deleted {plural} still hold their unique values ({', '.join(unique)}): a record with the same "
                    "value is refused.",
                    "Restore them or delete them for good in Twenty, or let the mapping match them.",
                    object=plural,
                    count=deleted,
                )
            )
    return found


async def _count(client: TwentyClient, plural: str, query: Mapping[str, str]) -> int:
    content = await client.read(f"/rest/{plural}", {"limit": "1", **query})
    return int(content.get("totalCount") or 0)


def _hidden(written: Sequence[str]) -> Iterator[Finding]:
    for plural in sorted(_HIDDEN_WITHOUT_CHANNEL & set(written)):
        yield _finding(
            "rows_hidden",
            "blocking",
            f"Twenty hides every row of {plural} that came through no connected account: they could not be read back.",
            "Map these records to tasks, notes or an object of your own.",
            object=plural,
        )


def _deactivated(description: Description, written: Sequence[str]) -> Iterator[Finding]:
    """Fields that exist but are switched off: writes to them are accepted and shown to nobody (§8)."""
    for plural in written:
        names = [str(field["name"]) for field in raw_fields(description.raw.get(plural, {})) if not field.get("isActive", True)]
        if names:
            yield _finding(
                "field_deactivated",
                "info",
                f"{plural} have deactivated fields: {', '.join(sorted(names))}. They count as absent, but hold their names.",
                "To use one, activate it in Settings → Data model, then describe again.",
                object=plural,
                count=len(names),
                examples=tuple(sorted(names)),
            )


def _limit(client: TwentyClient) -> Finding:
    rate = client.traffic().requests_per_minute
    known = f"measured at {rate:.0f} requests a minute" if rate else "not yet felt; shipped servers allow 100 requests a minute"
    return _finding(
        "rate_limit",
        "info",
        f"The workspace's request limit is {known}; all API keys of the workspace share it.",
        "Nothing to do: requests are paced. Pause other integrations to be faster.",
    )


def _unchecked(code: str, what: str, doing: str) -> Finding:
    return _finding(
        code,
        "warning",
        f"The API key may not read {what}, so it is not known whether any {doing}.",
        "Give the key's role the right to read them, or let an administrator look before the migration.",
    )


def _finding(
    code: str,
    severity: Severity,
    message: str,
    remedy: str,
    *,
    object: str | None = None,
    count: int = 1,
    examples: tuple[str, ...] = (),
) -> Finding:
    return Finding(code=code, severity=severity, message=message, remedy=remedy, object=object, count=count, examples=examples)
