"""/rest/metadata/...: objects, fields, webhooks, API keys; in both answer formats (facts/twenty.md §8). Not rate limited."""

from dataclasses import dataclass
from typing import Any

from .errors import TwentyError, bad_query
from .http import Answer, Call
from .ids import new_id, stable_id
from .metadata import Metadata
from .metadata_shapes import field_json, object_json
from .schema import Row
from .standard import CUSTOM_APPLICATION, WORKSPACE_ID
from .state import KEY_NAME, Workspace

SINGULAR = {"objects": "Object", "fields": "Field"}


@dataclass(slots=True)
class MetadataRest:
    """The handlers. `legacy` answers as older workspaces do: {data: {createOneObject: ...}}."""

    workspace: Workspace
    metadata: Metadata
    legacy: bool = False

    def handle(self, call: Call) -> Answer:
        parts = call.segments()[2:]
        what, key = parts[0] if parts else "", parts[1] if len(parts) > 1 else None
        if what in SINGULAR and len(parts) <= 2:
            return self._schema(call, what, key)
        if what == "webhooks" and len(parts) <= 2:
            return self._webhooks(call, key)
        if what == "apiKeys" and call.method == "GET":
            return Answer(200, [api_key_json(self.workspace)])
        raise bad_query(f"Query path '{call.path}' invalid. Metadata path should be like: /rest/metadata/objects")

    def _schema(self, call: Call, what: str, key: str | None) -> Answer:
        if key is None and call.method == "GET":
            return self._list(call, what)
        if key is None and call.method == "POST":
            body: Row = call.json()
            if what == "objects":
                made = object_json(self.metadata.create_object(body), written=True)
            else:
                made = field_json(self.metadata.create_field(body), written=True)
            call.written.object, call.written.ids = f"metadata.{what}", [made["id"]]
            return self._wrapped(201, f"createOne{SINGULAR[what]}", made)
        if key is None or call.method not in ("GET", "PATCH", "PUT", "DELETE"):
            raise bad_query(f"Query path '{call.path}' invalid. Metadata path should be like: /rest/metadata/objects/id")
        if call.method == "GET":
            found = object_json(self.metadata.object(key)) if what == "objects" else field_json(self.metadata.field(key)[1])
            return self._wrapped(200, SINGULAR[what].lower(), found)
        call.written.object, call.written.ids = f"metadata.{what}", [key]
        if call.method == "DELETE":
            if what == "objects":
                gone = object_json(self.metadata.delete_object(key), fields=False, written=True)
            else:
                gone = field_json(self.metadata.delete_field(key), written=True)
            return self._wrapped(200, f"deleteOne{SINGULAR[what]}", gone)
        body = call.json()
        if what == "objects":
            changed = object_json(self.metadata.update_object(key, body), written=True)
        else:
            changed = field_json(self.metadata.update_field(key, body), written=True)
        return self._wrapped(200, f"updateOne{SINGULAR[what]}", changed)

    def _wrapped(self, status: int, name: str, shape: Row) -> Answer:
        return Answer(status, {"data": {name: shape}} if self.legacy else shape)

    def _list(self, call: Call, what: str) -> Answer:
        """All of them, ids descending, a page when `limit` and `starting_after` say so (transcript meta_objects_default_limit)."""
        query = call.parameters()
        kinds = sorted(self.workspace.kinds.values(), key=lambda kind: kind.id, reverse=True)
        shapes = [object_json(kind) for kind in kinds]
        if what == "fields":
            fields = [field for kind in kinds for field in kind.fields.values()]
            shapes = [field_json(field) for field in sorted(fields, key=lambda field: field.id, reverse=True)]
        total = len(shapes)
        after = query.get("starting_after")
        if after is not None:
            shapes = [shape for shape in shapes if shape["id"] < after]
        limit = int(query["limit"]) if query.get("limit", "").isdigit() else total
        page = shapes[:limit]
        info = {
            "hasNextPage": len(shapes) > limit,
            "startCursor": page[0]["id"] if page else None,
            "endCursor": page[-1]["id"] if page else None,
        }
        data: Any = {what: page} if self.legacy else page
        return Answer(200, {"data": data, "pageInfo": info, "totalCount": total})

    def _webhooks(self, call: Call, key: str | None) -> Answer:
        hooks = self.workspace.webhooks
        if key is None and call.method == "GET":
            return Answer(200, list(hooks.values()))
        if key is None and call.method == "POST":
            return Answer(201, create_webhook(self.workspace, call.json()))
        if key is None or key not in hooks:
            raise TwentyError("Webhook not found", status=404, kind="NotFoundException", sub_code="WEBHOOK_NOT_FOUND")
        if call.method == "DELETE":
            return Answer(200, hooks.pop(key))
        if call.method in ("PATCH", "PUT"):
            hooks[key] = {**hooks[key], **call.json(), "id": key, "updatedAt": self.workspace.clock.now()}
        return Answer(200, hooks[key])


def create_webhook(workspace: Workspace, data: Row) -> Row:
    """A webhook as kept and shown (transcript webhook_list)."""
    now = workspace.clock.now()
    hook: Row = {
        "id": data.get("id") or new_id(),
        "targetUrl": data.get("targetUrl"),
        "operations": data.get("operations") or ["*.*"],
        "description": data.get("description"),
        "secret": data.get("secret"),
        "workspaceId": WORKSPACE_ID,
        "applicationId": CUSTOM_APPLICATION,
        "createdAt": now,
        "updatedAt": now,
        "deletedAt": None,
    }
    workspace.webhooks[hook["id"]] = hook
    return hook


def api_key_json(workspace: Workspace) -> Row:
    """The workspace's API key, without its token (transcript apikeys_list)."""
    return {
        "workspaceId": WORKSPACE_ID,
        "id": stable_id("api-key"),
        "name": KEY_NAME,
        "expiresAt": "2099-01-01T00:00:00.000Z",
        "revokedAt": None,
        "createdAt": workspace.born,
        "updatedAt": workspace.born,
    }
