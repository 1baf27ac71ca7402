"""The two GraphQL endpoints behind one door: who may enter, and which of them answers (facts/twenty.md §1)."""

from .graphql_core import GraphqlCore, Switch
from .graphql_document import UNAUTHENTICATED, InvalidDocument, read_operation, unknown_query
from .graphql_metadata import GraphqlMetadata
from .http import Answer, Call
from .limits import Limits
from .metadata import Metadata
from .records import Records
from .state import Workspace


class GraphqlFront:
    """Answers 200 whatever the token (transcripts gql_bad_auth, gql_no_auth)."""

    def __init__(self, workspace: Workspace, records: Records, limits: Limits, metadata: Metadata, switch: Switch) -> None:
        self.core = GraphqlCore(workspace, records, limits, switch)
        self.metadata = GraphqlMetadata(workspace, metadata)

    def handle(self, call: Call, state: str) -> Answer:
        """`state` says whether the call's token is "ok", "bad" or "none"; without one the schema has no records."""
        if state == "bad":
            return Answer(200, {"errors": [UNAUTHENTICATED]})
        if state == "none":
            try:
                operation = read_operation(call.form.get("operations") or call.json())
                raise unknown_query(operation.roots[0], operation.type_name)
            except InvalidDocument as error:
                return error.answer()
        return self.core.handle(call) if call.path == "/graphql" else self.metadata.handle(call)
