"""Sending a recorded call to a sandbox, in process."""

import json
from urllib.parse import quote, urlsplit

from crosswalk_sandbox.services.twenty.app import Server
from crosswalk_sandbox.services.twenty.http import Answer, Call

from .recorded import Case


def token_for(server: Server, case: Case) -> str | None:
    """The recorded caller: nobody, a bad token, a user session (it had an Origin), or the API key."""
    if "Authorization" not in case.sent_headers:
        return None
    if '"UNAUTHENTICATED"' in json.dumps(case.body):
        return "not-a-token"
    if "Origin" in case.sent_headers:
        server.sessions["user"] = {"source": "MANUAL", "workspaceMemberId": None, "name": "Admin", "context": {}}
        return "user"
    return server.workspace.api_key


def ask(server: Server, case: Case, token: str | None, path: str) -> Answer:
    """The sandbox's answer to the recorded request without HTTP."""
    parts = urlsplit(path)
    headers = {"Authorization": f"Bearer {token}"} if token is not None else {}
    raw = b"" if case.request is None else json.dumps(case.request).encode()
    return server.handle(Call(case.method, parts.path, quote(parts.query, safe="=&%[]:,\"'<>()~+@!*"), headers, raw))
