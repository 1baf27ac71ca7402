"""What the emulated Dataverse says when it refuses (facts/dataverse.md §10)."""

from typing import Any


class DataverseError(Exception):
    """A refusal: the HTTP status, the code as hexadecimal text (`0x80040217`; may be empty) and the message.

    `headers` are sent with the answer, for instance Retry-After.
    """

    def __init__(self, status: int, code: str, message: str, headers: dict[str, str] | None = None) -> None:
        super().__init__(message)
        self.status = status
        self.code = code
        self.message = message
        self.headers = headers or {}

    def body(self) -> dict[str, Any]:
        """The answer's JSON body."""
        return {"error": {"code": self.code, "message": self.message}}


def bad_query(message: str) -> DataverseError:
    """A URL that cannot be read: an unknown property, a bad filter (facts §8, §10)."""
    return DataverseError(400, "0x80060888", message)


def no_property(name: str, type_name: str) -> DataverseError:
    """A column or navigation in the URL that the table does not have (facts §8)."""
    return bad_query(f"Could not find a property named '{name}' on type 'Microsoft.Dynamics.CRM.{type_name}'.")


def no_resource(segment: str) -> DataverseError:
    """An entity set or function that does not exist (the code: Microsoft's page “Create and use custom APIs”)."""
    return DataverseError(404, "0x8006088a", f"Resource not found for the segment '{segment}'.")


def not_found(table: str, row_id: str) -> DataverseError:
    """No such row (facts §10)."""
    return DataverseError(404, "0x80040217", f"{table} With Id = {row_id} Does Not Exist")


def no_table(name: str) -> DataverseError:
    """No such table in the metadata."""
    return DataverseError(404, "0x80040217", f"Could not find an entity with name {name} in metadata cache.")


def bad_payload(entity_set: str, reason: str) -> DataverseError:
    """A body that does not fit the table: wrong JSON type, unknown property, bad bind (facts §10)."""
    return DataverseError(
        400,
        "0x80048d19",
        f"Error identified in Payload provided by the user for Entity :'{entity_set}', For more information on this error "
        f"please follow this help link https://go.microsoft.com/fwlink/?linkid=2195293  ---->  InnerException : "
        f"Microsoft.OData.ODataException: {reason}",
    )


def undeclared(entity_set: str, name: str, *, annotated: bool) -> DataverseError:
    """A property that the table does not have; `annotated` for an `@odata.bind` whose navigation name is wrong (facts §3.4)."""
    if annotated:
        return bad_payload(
            entity_set,
            f"An undeclared property '{name}' which only has property annotations in the payload but no property value was "
            "found in the payload. In OData, only declared navigation properties and declared named streams can be "
            "represented as properties without values.",
        )
    return bad_payload(
        entity_set,
        f"Invalid property '{name}' was found in entity 'Microsoft.Dynamics.CRM'. ---->  InnerException : The property "
        f"'{name}' does not exist on type. Make sure to only use property names that are defined by the type.",
    )


def duplicate_id() -> DataverseError:
    """A row with that id exists (facts §10)."""
    return DataverseError(412, "0x80040237", "A record with matching key values already exists.")


def denied(privilege: str, user_id: str) -> DataverseError:
    """The caller lacks a privilege (facts §10)."""
    return DataverseError(
        403, "0x80040220", f"Principal user (Id={user_id}, type=8) is missing {privilege} privilege on OTC=0 for entity."
    )
