"""GraphQL /metadata: schema commands, file uploads, webhooks, API keys (facts/twenty.md §7, §8). Not rate limited."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from .errors import PlainAnswer, TwentyError
from .files import MULTIPART_LIMIT
from .graphql_document import Asked, InvalidDocument, pick, read_operation, unknown_query
from .http import Answer, Call, Upload
from .metadata import Metadata
from .metadata_rest import api_key_json, create_webhook
from .metadata_shapes import field_json, object_json, relation_json
from .schema import Field, ObjectType, Row, is_list, is_row
from .state import Workspace

SESSION_NEEDED = TwentyError(
    "This endpoint requires a session access token",
    graphql_code="FORBIDDEN",
    sub_code="FORBIDDEN_EXCEPTION",
    friendly="You do not have permission to perform this action.",
)
Resolver = Callable[[Call, Row], Any]


def _connection(nodes: list[Row]) -> Row:
    ids = [node["id"] for node in nodes]
    info = {
        "hasNextPage": False,
        "hasPreviousPage": False,
        "startCursor": ids[0] if ids else None,
        "endCursor": ids[-1] if ids else None,
    }
    return {"edges": [{"node": node, "cursor": node["id"]} for node in nodes], "pageInfo": info, "totalCount": len(nodes)}


@dataclass(slots=True)
class GraphqlMetadata:
    """Runs documents against /metadata; a failing root makes `data` null (transcript apikey_create_by_apikey)."""

    workspace: Workspace
    metadata: Metadata

    def resolvers(self) -> dict[str, dict[str, Resolver]]:
        """Root fields by operation type."""
        return {
            "Query": {
                "objects": lambda _call, _args: _connection(self._objects()),
                "object": lambda _call, args: self._object(self.metadata.object(args["id"])),
                "fields": lambda _call, _args: _connection([field for shape in self._objects() for field in shape["fieldsList"]]),
                "field": lambda _call, args: self._field(self.metadata.field(args["id"])[1]),
                "webhooks": lambda _call, _args: list(self.workspace.webhooks.values()),
                "apiKeys": lambda _call, _args: [api_key_json(self.workspace)],
            },
            "Mutation": {
                "createOneObject": self._create_object,
                "updateOneObject": self._update_object,
                "deleteOneObject": self._delete_object,
                "createOneField": self._create_field,
                "updateOneField": self._update_field,
                "deleteOneField": self._delete_field,
                "createFileUpload": self._begin_upload,
                "completeFileUpload": lambda _call, args: self.workspace.files.complete(str(args["fileId"])),
                "uploadFilesFieldFile": self._upload,
                "createWebhook": lambda _call, args: create_webhook(self.workspace, args.get("input") or args),
                "deleteWebhook": self._delete_webhook,
                "createApiKey": self._create_api_key,
            },
        }

    def handle(self, call: Call) -> Answer:
        try:
            operation = read_operation(call.form["operations"] if call.form else call.json())
            known = self.resolvers()[operation.type_name]
            for asked in operation.roots:
                if asked.name not in known and asked.name != "__typename":
                    raise unknown_query(asked, operation.type_name)
            data = {asked.key: self._run(call, known, asked) for asked in operation.roots}
        except InvalidDocument as error:
            return error.answer()
        except TwentyError as error:
            return Answer(200, {"errors": [error.graphql_error()], "data": None})
        except PlainAnswer as error:
            return Answer(200, {"errors": [_as_graphql(error)], "data": None})
        return Answer(200, {"data": data})

    def _run(self, call: Call, known: dict[str, Resolver], asked: Asked) -> Any:
        if asked.name == "__typename":
            return "Query"
        return pick(known[asked.name](call, asked.arguments), asked.below)

    # -- shapes -----------------------------------------------------------------------------------------------------

    def _field(self, field: Field) -> Row:
        kinds = {kind.id: kind for kind in self.workspace.kinds.values()}
        relation = relation_json(field, kinds, self.workspace.field_by_id)
        morph = [relation] if relation is not None and field.type == "MORPH_RELATION" else None
        return {**field_json(field, written=True), "relation": relation, "morphRelations": morph, "object": None}

    def _object(self, kind: ObjectType) -> Row:
        shape = object_json(kind, fields=False, written=True)
        shape["fieldsList"] = [self._field(field) for field in kind.fields.values()]
        shape["fields"] = _connection(shape["fieldsList"])
        shape["isCustom"] = kind.custom
        return shape

    def _objects(self) -> list[Row]:
        """All objects, ids descending (transcript meta_gql_objects)."""
        return [self._object(kind) for kind in sorted(self.workspace.kinds.values(), key=lambda kind: kind.id, reverse=True)]

    # -- mutations --------------------------------------------------------------------------------------------------

    def _create_object(self, call: Call, args: Row) -> Row:
        kind = self.metadata.create_object(args["input"]["object"])
        call.written.object, call.written.ids = "metadata.objects", [kind.id]
        return self._object(kind)

    def _update_object(self, _call: Call, args: Row) -> Row:
        given = args["input"]
        return self._object(self.metadata.update_object(given["id"], given["update"]))

    def _delete_object(self, _call: Call, args: Row) -> Row:
        return object_json(self.metadata.delete_object(args["input"]["id"]), fields=False, written=True)

    def _create_field(self, call: Call, args: Row) -> Row:
        field = self.metadata.create_field(args["input"]["field"])
        call.written.object, call.written.ids = "metadata.fields", [field.id]
        return self._field(field)

    def _update_field(self, _call: Call, args: Row) -> Row:
        given = args["input"]
        return self._field(self.metadata.update_field(given["id"], given["update"]))

    def _delete_field(self, _call: Call, args: Row) -> Row:
        return field_json(self.metadata.delete_field(args["input"]["id"]), written=True)

    def _files_field(self, args: Row) -> str:
        found = self.workspace.field_by_id(str(args.get("fieldMetadataId")))
        if found is None or found.type != "FILES":
            raise TwentyError("Field metadata not found", sub_code="FIELD_METADATA_NOT_FOUND")
        return found.id

    def _begin_upload(self, call: Call, args: Row) -> Row:
        started = self.workspace.files.begin(str(args["filename"]), int(args.get("size") or 0), self._files_field(args))
        call.written.object, call.written.ids = "file", [started["fileId"]]
        return started

    def _upload(self, call: Call, args: Row) -> Row:
        """The file is the first part of the form besides operations and map (transcript file_multipart)."""
        part = next((value for name, value in call.form.items() if name not in ("operations", "map")), None)
        if not isinstance(part, Upload):
            raise TwentyError("File not found in the request", sub_code="INVALID_ARGS_DATA")
        name, content = part.name, part.content
        if len(content) > MULTIPART_LIMIT:
            raise TwentyError("File truncated as it exceeds the 10485760 byte size limit.", sub_code="INVALID_ARGS_DATA")
        made = self.workspace.files.add(name, content, self._files_field(args))
        call.written.object, call.written.ids = "file", [made["id"]]
        return made

    def _delete_webhook(self, _call: Call, args: Row) -> Any:
        given: Row = args.get("input") or args
        gone = self.workspace.webhooks.pop(str(given.get("id")), None)
        if gone is None:
            raise TwentyError("Webhook not found", graphql_code="NOT_FOUND", sub_code="WEBHOOK_NOT_FOUND")
        return gone

    def _create_api_key(self, call: Call, _args: Row) -> Row:
        """API keys cannot make API keys (facts/twenty.md §1); the sandbox has one key only."""
        raise SESSION_NEEDED


def _as_graphql(error: PlainAnswer) -> Row:
    body: Row = error.body if is_row(error.body) else {"message": error.body}
    found: Any = body.get("message")
    message = ", ".join(found) if is_list(found) else found
    code = "METADATA_VALIDATION_FAILED" if body.get("error") == "METADATA_VALIDATION_ERROR" else "BAD_USER_INPUT"
    extensions: Row = {"code": code, "userFriendlyMessage": body.get("userFriendlyMessage", "An error occurred.")}
    for name in ("errors", "summary"):
        if name in body:
            extensions[name] = body[name]
    return {"message": message, "extensions": extensions}
