"""The bench that the destination contract is checked on: an object of its own in the destination, one field per type."""

from collections.abc import AsyncGenerator, Callable, Collection, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass

from crosswalk.model.destination_schema import DestinationField, DestinationObject, DestinationSchema, FieldType
from crosswalk.model.schema_plan import FieldCreation, ObjectCreation, SchemaChange
from crosswalk.model.values import Value
from crosswalk.spi.destination import Destination

FIRST_OPTIONS = (("ALPHA", "Alpha"), ("BETA", "Beta"))
MORE_OPTIONS = (("GAMMA", "Gamma"),)

SAMPLES: Mapping[FieldType, tuple[Value, ...]] = {
    "text": ("plain", "two\nlines, “quotes” 'and' \"more\", ünïcödé 漢字 🏥", " blanks kept ", "x" * 5000),
    "rich_text": ("# Head\n\n- a\n- b\n\n**bold**", "plain words"),
    "integer": (0, -17, 2_000_000_000),
    "decimal": ("12.5", "-0.001", "1000000"),
    "money": ("1999.99", "-0.05", "0"),
    "boolean": (True, False),
    "date": ("2024-02-29", "1931-01-01"),
    "datetime": ("2024-02-29T10:11:12.345Z", "1999-12-31T23:59:59.000Z"),
    "option": ("ALPHA", "BETA"),
    "options": (["BETA", "ALPHA"], ["ALPHA"]),
    "list": (["x", "y, z"],),
    "json": ({"a": [1, {"b": None}], "t": "x"}, [1, 2]),
    "email": ("Some.Body@Example.com",),
    "phone": ("+12025550123",),
    "url": ("https://Example.test/Path",),
}
"""Canonical values each type must keep, as far as `expected` says."""


@dataclass(frozen=True, slots=True)
class Naming:
    """What the contract's object and fields are called, as the platform's rules for names want it."""

    object: str = "contractProbes"
    singular: str = "contractProbe"
    field: Callable[[str], str] = lambda name: name


PLAIN = Naming()


@dataclass(frozen=True, slots=True)
class Bench:
    """A destination with the contract's own object in it."""

    destination: Destination
    naming: Naming
    schema: DestinationSchema
    leaves: Mapping[FieldType, DestinationField]
    """The leaf that stands for each type the platform could create."""

    @property
    def object(self) -> DestinationObject:
        """The contract's object, as described."""
        return described(self.schema, self.naming)

    @property
    def name(self) -> str:
        """The name of the contract's object."""
        return self.naming.object

    @property
    def key(self) -> str:
        """The path of the unique text leaf."""
        return self.naming.field("probeKey")

    @property
    def text(self) -> str:
        """The path of a plain text leaf."""
        return self.leaves["text"].path


def object_change(naming: Naming) -> SchemaChange:
    """The change that creates the contract's object."""
    asked = ObjectCreation(
        name=naming.object, singular=naming.singular, label="Contract probe", label_plural="Contract probes"
    )  # fmt: skip
    return SchemaChange(operation="create_object", object=naming.object, name=naming.object, created_object=asked)


def field_change(naming: Naming, kind: FieldType, name: str = "", **more: object) -> SchemaChange:
    """The change that creates the contract's field of a type."""
    name = name or f"probe{''.join(word.capitalize() for word in kind.split('_'))}"
    if kind in {"option", "options"}:
        more = {"options": FIRST_OPTIONS, **more}
    asked = FieldCreation.model_validate({"type": kind, "label": f"Probe {name}", **more})
    return SchemaChange(operation="create_field", object=naming.object, name=naming.field(name), field=asked)


def all_changes(naming: Naming, kinds: Collection[FieldType]) -> list[SchemaChange]:
    """Object, one field per type, a unique text and a reference to the object itself, in order."""
    plain = [field_change(naming, kind) for kind in SAMPLES if kind in kinds]
    unique = field_change(naming, "text", "probeKey", unique=True)
    itself = field_change(naming, "reference", "probeParent", to=naming.object, reverse_label="Probe children")
    return [object_change(naming), *plain, unique, itself]


@asynccontextmanager
async def bench_schema(destination: Destination, naming: Naming = PLAIN) -> AsyncGenerator[Bench]:
    """Create the contract's object and fields; take them away afterwards."""
    schema = await destination.describe()
    changes = all_changes(naming, destination.capabilities.field_types)
    for change in changes:
        schema = await destination.apply(change, schema)
    try:
        yield Bench(destination, naming, schema, _leaves(destination, naming, schema))
    finally:
        for change in reversed(changes):
            schema = await destination.undo(change, schema)


def described(schema: DestinationSchema, naming: Naming) -> DestinationObject:
    """The contract's object. Raises AssertionError when it is not there."""
    found = schema.object(naming.object)
    assert found is not None, f"describe() does not show {naming.object}, which apply() created"
    return found


def _leaves(destination: Destination, naming: Naming, schema: DestinationSchema) -> dict[FieldType, DestinationField]:
    leaves: dict[FieldType, DestinationField] = {}
    for kind in SAMPLES:
        if kind not in destination.capabilities.field_types:
            continue
        name = field_change(naming, kind).name
        fields = described(schema, naming).fields
        mine = [leaf for leaf in fields if leaf.type == kind and leaf.path.partition(".")[0] == name]
        assert mine, f"apply() created {name}, but describe() shows no leaf of type {kind} for it"
        leaves[kind] = mine[0]
    return leaves
