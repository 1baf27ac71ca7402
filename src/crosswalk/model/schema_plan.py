"""What must be created in the destination before records can land (E2), as operations with a reverse."""

from typing import Literal

from crosswalk.model.artefact import Frozen
from crosswalk.model.destination_schema import FieldType


class FieldCreation(Frozen):
    """A field to create: `create:` in the mapping. A reference names the destination object and the label of its reverse."""

    type: FieldType
    label: str
    description: str = ""
    unique: bool = False
    max_length: int | None = None
    """Characters a text must be able to hold; None asks for the longest text the destination has."""
    options: tuple[tuple[str, str], ...] = ()
    """(value, label) pairs for option and options."""
    to: str | None = None
    reverse_label: str | None = None


class ObjectCreation(Frozen):
    """An object to create, addressed by `name` (plural)."""

    name: str
    singular: str
    label: str
    label_plural: str
    description: str = ""


class SchemaChange(Frozen):
    """One change. `name` is the object's or the field's name; `field` holds options to add for `add_options`."""

    operation: Literal["create_object", "create_field", "add_options"]
    object: str
    name: str
    created_object: ObjectCreation | None = None
    field: FieldCreation | None = None

    def label(self) -> str:
        """A short name for lists and the journal: `create_field people.bloodGroup`."""
        return f"{self.operation} {self.object}" if self.operation == "create_object" else (
            f"{self.operation} {self.object}.{self.name}"
        )  # fmt: skip
