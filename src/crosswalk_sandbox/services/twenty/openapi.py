"""/rest/open-api/core and /rest/open-api/metadata: the workspace's own schema, minimal, and /client-config (facts/twenty.md §1)."""

from typing import Any

from .schema import EMPTY, Field, ObjectType, Row, is_list, is_row
from .state import Workspace

PRIMITIVE: dict[str, Row] = {
    "TEXT": {"type": "string"},
    "UUID": {"type": "string", "format": "uuid"},
    "DATE": {"type": "string", "format": "date"},
    "DATE_TIME": {"type": "string", "format": "date-time"},
    "NUMBER": {"type": "number"},
    "POSITION": {"type": "number"},
    "BOOLEAN": {"type": "boolean"},
    "RAW_JSON": {"type": "object"},
    "TS_VECTOR": {"type": "string"},
    "ARRAY": {"type": "array", "items": {"type": "string"}},
    "FILES": {"type": "array", "items": {"type": "object"}},
}


def _property(field: Field) -> Row:
    values = [option["value"] for option in field.options or []]
    if field.type in ("SELECT", "RATING"):
        shape: Row = {"type": "string", "enum": values}
    elif field.type == "MULTI_SELECT":
        shape = {"type": "array", "items": {"type": "string", "enum": values}}
    elif is_row(EMPTY.get(field.type)):
        parts: dict[str, Any] = EMPTY[field.type]
        shape = {"type": "object", "properties": {name: _part(part) for name, part in parts.items()}}
    else:
        shape = dict(PRIMITIVE.get(field.type, {"type": "string"}))
    return {**shape, "description": field.description} if field.description else shape


def _part(empty: Any) -> Row:
    if is_list(empty):
        return {"type": "array", "items": {}}
    return {"type": "string"}


def _schema(kind: ObjectType) -> Row:
    properties: Row = {}
    for field in kind.fields.values():
        if not field.is_relation:
            properties[field.name] = _property(field)
        elif field.join_column is not None:
            properties[field.join_column] = {"type": "string", "format": "uuid"}
    return {"type": "object", "description": kind.description, "properties": properties}


def _paths(kind: ObjectType) -> Row:
    tag, schema = [kind.plural], {"$ref": f"#/components/schemas/{kind.pascal()}"}
    body = {"content": {"application/json": {"schema": schema}}}
    answer = {"200": {"description": "Successful operation", **body}}

    def operation(name: str, *, sends: bool = False) -> Row:
        entry: Row = {"tags": tag, "operationId": name, "responses": answer}
        return {**entry, "requestBody": body} if sends else entry

    one, many = kind.pascal(), kind.pascal_plural()
    return {
        f"/{kind.plural}": {
            "get": operation(f"findMany{many}"),
            "post": operation(f"createOne{one}", sends=True),
            "patch": operation(f"updateMany{many}", sends=True),
            "delete": operation(f"deleteMany{many}"),
        },
        f"/batch/{kind.plural}": {"post": operation(f"createMany{many}", sends=True)},
        f"/{kind.plural}/{{id}}": {
            "get": operation(f"findOne{one}"),
            "patch": operation(f"updateOne{one}", sends=True),
            "delete": operation(f"deleteOne{one}"),
        },
        f"/{kind.plural}/duplicates": {"post": operation(f"find{one}Duplicates", sends=True)},
    }


def open_api(workspace: Workspace, which: str, base_url: str) -> Row:
    """The OpenAPI document of `core` (one set of paths per active object) or `metadata`."""
    document: Row = {
        "openapi": "3.1.1",
        "info": {"title": "Twenty Api", "description": f"{which.capitalize()} API", "version": "v0.1"},
        "servers": [{"url": f"{base_url}/rest" + ("/metadata" if which == "metadata" else ""), "description": "This server"}],
    }
    if which == "metadata":
        names = ("objects", "fields", "webhooks", "apiKeys")
        return {**document, "paths": {f"/{name}": {"get": {"operationId": f"findMany{name.capitalize()}"}} for name in names}}
    kinds = [kind for kind in workspace.kinds.values() if kind.active]
    paths: Row = {}
    for kind in kinds:
        paths |= _paths(kind)
    return {**document, "paths": paths, "components": {"schemas": {kind.pascal(): _schema(kind) for kind in kinds}}}


CLIENT_CONFIG: Row = {
    "billing": {
        "isBillingEnabled": False,
        "trialPeriods": [
            {"duration": 30, "isCreditCardRequired": True},
            {"duration": 7, "isCreditCardRequired": False},
        ],
    },
    "aiModels": [],
    "authProviders": {"google": False, "magicLink": False, "password": True, "microsoft": False, "sso": []},
    "signInPrefilled": True,
    "isMultiWorkspaceEnabled": True,
    "isEmailVerificationRequired": False,
    "defaultSubdomain": "app",
    "frontDomain": "localhost",
    "publicFunctionDomain": None,
    "support": {"supportDriver": "NONE"},
    "sentry": {},
    "captcha": {},
    "api": {"mutationMaximumAffectedRecords": 100},
    "onboarding": {
        "importContactsCreditsReward": 1,
        "inviteTeamCreditsRewardPerUser": 0.5,
        "upgradeCreditsReward": 1,
        "installAppsCreditsRewardPerApp": 0.5,
    },
    "isAttachmentPreviewEnabled": True,
    "analyticsEnabled": False,
    "canManageFeatureFlags": True,
    "publicFeatureFlags": [
        {
            "key": "IS_JUNCTION_RELATIONS_ENABLED",
            "metadata": {
                "label": "Junction Relations",
                "description": "Enable many-to-many relations through junction tables configuration",
            },
        },
        {
            "key": "IS_SETTINGS_DISCOVERY_HERO_ENABLED",
            "metadata": {
                "label": "Settings Discovery Hero",
                "description": "Show the per-page hero illustration + video walkthrough modal on settings pages",
            },
        },
    ],
    "isMicrosoftMessagingEnabled": False,
    "isMicrosoftCalendarEnabled": False,
    "isGoogleMessagingEnabled": False,
    "isGoogleCalendarEnabled": False,
    "isConfigVariablesInDbEnabled": True,
    "isImapSmtpCaldavEnabled": True,
    "isEmailingDomainInDemoMode": True,
    "allowRequestsToTwentyIcons": True,
    "isCloudflareIntegrationEnabled": False,
    "isClickHouseConfigured": False,
    "isWorkspaceSchemaDDLLocked": False,
    "enterpriseInstanceType": "production",
}
