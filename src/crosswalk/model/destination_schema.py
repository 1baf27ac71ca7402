"""What a destination holds and accepts, flattened to leaf fields with one neutral type each."""

from collections.abc import Iterable, Mapping
from functools import cached_property
from typing import Any, Literal, Self

from crosswalk.model.artefact import Artefact, Frozen

FieldType = Literal[
    "text", "rich_text", "integer", "decimal", "money", "boolean", "date", "datetime", "option", "options", "list",
    "json", "reference", "id", "email", "phone", "url", "file", "other",
]  # fmt: skip


class DestinationField(Frozen):
    """A leaf such as `emails.primaryEmail`, `companyId` or `amount.value`.

    `computed` fields are the platform's own (server times, position, search vector): compared only where we wrote them.
    """

    path: str
    type: FieldType
    label: str = ""
    options: tuple[str, ...] = ()
    unique: bool = False
    required: bool = False
    writable: bool = True
    on_create: bool = True
    """False: only an update can set it (the state of an activity), so it is written after everything else is loaded."""
    on_update: bool = True
    """False: only its creation can set it (the time of it, say), so that a row which stands keeps its own."""
    computed: bool = False
    custom: bool = False
    to_object: str | None = None
    """For a reference: the object it points to."""
    max_length: int | None = None


class DestinationObject(Frozen):
    """A kind of record, by the name its records are addressed with (`people`)."""

    name: str
    singular: str
    label: str = ""
    custom: bool = False
    system: bool = False
    fields: tuple[DestinationField, ...]

    def model_copy(self, *, update: Mapping[str, Any] | None = None, deep: bool = False) -> Self:
        """As pydantic's, without the look-up table of the original."""
        copy = super().model_copy(update=update, deep=deep)
        vars(copy).pop("_by_path", None)
        return copy

    @cached_property
    def _by_path(self) -> dict[str, DestinationField]:
        return {item.path: item for item in self.fields}

    def field(self, path: str) -> DestinationField | None:
        """The leaf of that path, or None."""
        return self._by_path.get(path)


class DestinationSchema(Artefact):
    """A destination as described at one moment."""

    destination: str
    location: str
    objects: tuple[DestinationObject, ...]

    def object(self, name: str) -> DestinationObject | None:
        """The object of that name, or None."""
        return next((item for item in self.objects if item.name == name), None)

    def with_objects(self, objects: Iterable[DestinationObject]) -> Self:
        """The schema with these objects besides, where it has none of that name."""
        known = {item.name for item in self.objects}
        return self.model_copy(update={"objects": (*self.objects, *(item for item in objects if item.name not in known))})
