"""What the emulated server says when it refuses: one exception per shape of facts/twenty.md §10."""

from typing import Any

DUPLICATE = "A duplicate entry was detected"


class TwentyError(Exception):
    """A refusal, renderable as a REST body and as a GraphQL error.

    `kind` is REST's `error`, `code` REST's optional `code`; `graphql_code` and `sub_code` are GraphQL's extensions.
    """

    def __init__(
        self,
        message: str,
        *,
        status: int = 400,
        kind: str = "BadRequestException",
        code: str | None = None,
        graphql_code: str = "BAD_USER_INPUT",
        sub_code: str | None = None,
        friendly: str = "An error occurred.",
    ) -> None:
        super().__init__(message)
        self.message = message
        self.status = status
        self.kind = kind
        self.code = code
        self.graphql_code = graphql_code
        self.sub_code = sub_code
        self.friendly = friendly

    def rest_body(self) -> dict[str, Any]:
        """The REST answer's body (facts/twenty.md §10)."""
        body: dict[str, Any] = {"statusCode": self.status, "error": self.kind, "messages": [self.message]}
        if self.code is not None:
            body["code"] = self.code
        return body

    def graphql_error(self) -> dict[str, Any]:
        """One entry of GraphQL's `errors` (transcripts gql_unknown_field, gql_create_id_v7)."""
        extensions: dict[str, Any] = {"userFriendlyMessage": self.friendly, "code": self.graphql_code}
        if self.sub_code is not None:
            extensions["subCode"] = self.sub_code
        return {"message": self.message, "extensions": extensions}


def bad_value(message: str, friendly: str = "An error occurred.") -> TwentyError:
    """A value that its field refuses (transcripts wrong_type_text, gql_wrong_type)."""
    return TwentyError(message, sub_code="INVALID_ARGS_DATA", friendly=friendly)


def bad_query(message: str) -> TwentyError:
    """A query parameter that cannot be read (transcripts f_bad_syntax, limit_abc, depth2)."""
    return TwentyError(message, sub_code="INVALID_QUERY_INPUT")


def coded(message: str, code: str, friendly: str = "An error occurred.") -> TwentyError:
    """A refusal with REST `error: "Error"` and a `code` (transcripts create_id_v7, bad_phone_letters)."""
    return TwentyError(message, kind="Error", code=code, sub_code=code, friendly=friendly)


def bad_id(value: object) -> TwentyError:
    """An id that is not a UUID of version 1 to 5 (facts/twenty.md §3)."""
    return coded(f'Value "{value}" is not a valid UUID', "INVALID_QUERY_INPUT", "Invalid UUID format.")


def duplicate() -> TwentyError:
    """The one text for an id or a unique value that exists already (facts/twenty.md §3)."""
    return TwentyError(DUPLICATE, friendly="This record already exists. Please check your data and try again.")


def not_found() -> TwentyError:
    """No such live row (transcripts not_found, gql_destroy_missing)."""
    return TwentyError(
        "Record not found",
        status=404,
        kind="NotFoundException",
        graphql_code="NOT_FOUND",
        sub_code="RECORD_NOT_FOUND",
        friendly="This record does not exist or has been deleted.",
    )


def denied() -> TwentyError:
    """The role of an API key does not allow it (transcript workspaceMember_create)."""
    return TwentyError(
        "Entity performing the request does not have permission",
        kind="Error",
        code="PERMISSION_DENIED",
        graphql_code="FORBIDDEN",
        sub_code="PERMISSION_DENIED",
        friendly="You do not have permission to perform this action.",
    )


def unknown_field(object_name: str, field: str) -> TwentyError:
    """A field that the object does not have (transcript unknown_field)."""
    return bad_value(f'Object {object_name} doesn\'t have any "{field}" field.')


def server_error(message: str) -> TwentyError:
    """What the database refuses without a better class (transcript val_nul_char)."""
    return TwentyError(message, status=500, kind="InternalServerErrorException", graphql_code="INTERNAL_SERVER_ERROR")


class PlainAnswer(Exception):
    """An answer that is not of the usual error shape: its status, and its body as JSON or as bare text."""

    def __init__(self, status: int, body: Any) -> None:
        super().__init__(f"HTTP {status}")
        self.status = status
        self.body = body
