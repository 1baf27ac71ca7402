"""What people do in the workspace while a migration runs: add, edit, soft-delete; and what nobody sees: a silently changed cell."""

import secrets
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from .app import Server
    from .schema import ObjectType, Row

Json = dict[str, Any]


class People:
    """Writes as a person: createdBy and updatedBy MANUAL with a member (`member` is an e-mail, the first member unless told)."""

    def __init__(self, server: "Server") -> None:
        self.server = server

    def kind(self, name: str) -> "ObjectType":
        """An object by its singular or plural name. Raises ValueError."""
        workspace = self.server.workspace
        found = workspace.kinds.get(name) or workspace.by_plural.get(name)
        if found is None:
            raise ValueError(f"no object {name}")
        return found

    def actor(self, email: str | None) -> "Row":
        """A member as an actor. Raises ValueError for an address that is no member's."""
        for key, row in self.server.workspace.table("workspaceMember").scan():
            if email is None or row["userEmail"] == email:
                name = f"{row['name']['firstName']} {row['name']['lastName']}".strip() or row["userEmail"]
                return {"source": "MANUAL", "workspaceMemberId": key, "name": name, "context": {}}
        raise ValueError(f"no member {email}")

    def seed(self, body: Json) -> Json:
        """{"object", "rows": [...], "member"?, "raw"?}: rows as a person wrote them; raw rows are stored as they are."""
        kind = self.kind(body["object"])
        rows: list[Json] = body["rows"]
        if body.get("raw"):
            table = self.server.workspace.table(kind.name)
            for row in rows:
                known = {name: value for name, value in row.items() if name in kind.template}
                full = {**kind.template, **known}
                old = table.get(row["id"])
                if old is None:
                    table.insert(row["id"], full)
                else:
                    table.replace(row["id"], old, full)
            return {"ids": [row["id"] for row in rows]}
        ids: list[str] = []
        actor = self.actor(body.get("member"))
        for start in range(0, len(rows), 200):
            made = self.server.records.create(kind, rows[start : start + 200], actor)
            ids += [row["id"] for row in made]
        return {"ids": ids}

    def edit(self, body: Json) -> Json:
        """{"object", "id", "values", "member"?}: an edit in the web page."""
        kind = self.kind(body["object"])
        row = self.server.records.update(kind, body["id"], body["values"], self.actor(body.get("member")))
        return {"row": self.server.workspace.shown(kind, row)}

    def soft_delete(self, body: Json) -> Json:
        """{"object", "ids": [...] or "id", "member"?}: rows moved to the bin."""
        kind = self.kind(body["object"])
        keys: list[str] = body["ids"] if "ids" in body else [body["id"]]
        rows = self.server.records.mark(kind, keys, self.actor(body.get("member")), deleted=True)
        return {"ids": [row["id"] for row in rows]}

    def corrupt(self, body: Json) -> Json:
        """{"object", "id", "field", "value"}: one stored cell changed with no trace, as a bug or a bad disk would."""
        kind = self.kind(body["object"])
        table = self.server.workspace.table(kind.name)
        row = table.get(body["id"])
        if row is None or body["field"] not in kind.template:
            raise ValueError(f"no {kind.name} {body['id']} with a column {body['field']}")
        table.replace(body["id"], row, {**row, body["field"]: body["value"]})
        return {"id": body["id"]}

    def session(self, body: Json) -> Json:
        """{"member": email}: a token that acts as that person, not as an API key."""
        token = f"session-{secrets.token_hex(16)}"
        self.server.sessions[token] = self.actor(body.get("member"))
        return {"token": token}
