"""What every destination connector must do, as checks a connector's own tests run against a server.

The checks bring their own object, so they need nothing but a workspace they may change, and leave it as it was:

    async with bench_schema(destination) as bench:
        for check in RECORD_CHECKS:
            await check(bench)

Each check raises AssertionError saying what the connector broke. Types a platform does not have are left out.
"""

from collections.abc import AsyncGenerator, Awaitable, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from uuid import uuid4

from crosswalk.model.destination_schema import DestinationField, DestinationObject, DestinationSchema, FieldType
from crosswalk.model.errors import RejectedError
from crosswalk.model.record import Row, Write
from crosswalk.model.schema_plan import FieldCreation, ObjectCreation, SchemaChange
from crosswalk.model.values import Value, Values
from crosswalk.spi.destination import Destination

OBJECT, SINGULAR = "contractProbes", "contractProbe"
MARKER = "contract-run"
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

ODD_TEXTS = (
    *('a,b"c', "(x)", "o'b: [y]", " lead", "per%cent", "one+one", "back\\slash", "plain", "zoë", 'say "hi"'),
    *(":)", "O'Brien", "two\nlines", "&amp;=?#", "𝔘nicode"),
)
"""Texts that a filter must carry unharmed."""


@dataclass(frozen=True, slots=True)
class Bench:
    """A destination with the contract's own object in it."""

    destination: Destination
    schema: DestinationSchema
    leaves: Mapping[FieldType, DestinationField]
    """The leaf that stands for each type the platform could create."""

    @property
    def object(self) -> DestinationObject:
        """The contract's object, as described."""
        found = self.schema.object(OBJECT)
        assert found is not None, f"describe() does not show {OBJECT}, which apply() created"
        return found

    @property
    def text(self) -> str:
        """The path of a plain text leaf."""
        return self.leaves["text"].path


Check = Callable[[Bench], Awaitable[None]]


def object_change() -> SchemaChange:
    """The change that creates the contract's object."""
    asked = ObjectCreation(name=OBJECT, singular=SINGULAR, label="Contract probe", label_plural="Contract probes")
    return SchemaChange(operation="create_object", object=OBJECT, name=OBJECT, created_object=asked)


def field_change(kind: FieldType, name: str = "", **more: object) -> SchemaChange:
    """The change that creates the contract's field of a type."""
    name = name or f"probe{''.join(word.capitalize() for word in kind.split('_'))}"
    if kind in {"option", "options"}:
        more = {"options": FIRST_OPTIONS, **more}
    asked = FieldCreation.model_validate({"type": kind, "label": f"Probe {name}", **more})
    return SchemaChange(operation="create_field", object=OBJECT, name=name, field=asked)


def all_changes() -> list[SchemaChange]:
    """Object, one field per type, a unique text and a reference to the object itself, in order."""
    itself = field_change("reference", "probeParent", to=OBJECT, reverse_label="Probe children")
    return [object_change(), *(field_change(kind) for kind in SAMPLES), field_change("text", "probeKey", unique=True), itself]


@asynccontextmanager
async def bench_schema(destination: Destination) -> AsyncGenerator[Bench]:
    """Create the contract's object and fields; take them away afterwards."""
    schema = await destination.describe()
    changes = all_changes()
    for change in changes:
        schema = await destination.apply(change, schema)
    try:
        yield Bench(destination, schema, _leaves(schema))
    finally:
        for change in reversed(changes):
            schema = await destination.undo(change, schema)


def _leaves(schema: DestinationSchema) -> dict[FieldType, DestinationField]:
    item = schema.object(OBJECT)
    assert item is not None, f"describe() does not show {OBJECT}, which apply() created"
    leaves: dict[FieldType, DestinationField] = {}
    for kind in SAMPLES:
        name = field_change(kind).name
        mine = [leaf for leaf in item.fields if leaf.type == kind and leaf.path.partition(".")[0] == name]
        assert mine, f"apply() created {name}, but describe() shows no leaf of type {kind} for it"
        leaves[kind] = mine[0]
    return leaves


# -- schema ----------------------------------------------------------------------------------------------------------


async def schema_comes_and_goes(destination: Destination) -> None:
    """Applying and undoing everything leaves the description as it was; doing either twice does nothing more."""
    before = await destination.describe()
    schema = before
    changes = all_changes()
    more = SchemaChange(
        operation="add_options",
        object=OBJECT,
        name=field_change("option").name,
        field=FieldCreation(type="option", label="", options=MORE_OPTIONS),
    )
    for change in [*changes, more]:
        schema = await destination.apply(change, schema)
        again = await destination.apply(change, schema)
        assert again.digest() == schema.digest(), f"applying {change.label()} twice changed something"
    option = schema.object(OBJECT) and schema.object(OBJECT).field(more.name)  # pyright: ignore[reportOptionalMemberAccess]
    assert option and set(option.options) == {value for value, _ in FIRST_OPTIONS + MORE_OPTIONS}, "options were not added"
    for change in [more, *reversed(changes)]:
        schema = await destination.undo(change, schema)
        again = await destination.undo(change, schema)
        assert again.digest() == schema.digest(), f"undoing {change.label()} twice changed something"
    after = await destination.describe()
    assert after.digest() == before.digest(), "apply and undo did not leave the schema as it was"


async def added_options_leave_values_alone(bench: Bench) -> None:
    """Adding and removing an option keeps what rows hold, in choices of one and of many."""
    kept: Values = {bench.leaves["option"].path: "ALPHA", bench.leaves["options"].path: ["BETA", "ALPHA"]}
    created = (await _create(bench, [kept]))[0]
    for kind in ("option", "options"):
        asked = FieldCreation(type=kind, label="", options=MORE_OPTIONS)
        more = SchemaChange(operation="add_options", object=OBJECT, name=bench.leaves[kind].path, field=asked)
        schema = await bench.destination.apply(more, bench.schema)
        await _holds(bench, created.id, kept)
        await bench.destination.undo(more, schema)
        await _holds(bench, created.id, kept)
    await bench.destination.remove(OBJECT, [created.id])


# -- records ---------------------------------------------------------------------------------------------------------


async def every_type_survives(bench: Bench) -> None:
    """Each sample value reads back as `expected` says: in the answer to create, by fetch, and in the listing."""
    for kind, samples in SAMPLES.items():
        leaf = bench.leaves[kind]
        rows = await _create(bench, [{leaf.path: sample} for sample in samples])
        for sample, answered in zip(samples, rows, strict=True):
            wanted = bench.destination.expected(leaf, sample)
            assert wanted.value == sample or wanted.rule, f"expected() changes a {kind} without naming the rule"
            assert answered.values.get(leaf.path) == wanted.value, f"{kind}: create() answered something else than expected()"
            await _holds(bench, answered.id, {leaf.path: wanted.value})
        await bench.destination.remove(OBJECT, [row.id for row in rows])


async def clearing_empties_exactly_the_leaf(bench: Bench) -> None:
    """Writing None empties a leaf of any type, and no other."""
    full: Values = {leaf.path: SAMPLES[kind][0] for kind, leaf in bench.leaves.items()}
    created = (await _create(bench, [full]))[0]
    left = {path: created.values[path] for path in full}
    for leaf in bench.leaves.values():
        answered = await bench.destination.update(OBJECT, Write(created.id, {leaf.path: None}))
        left[leaf.path] = None
        assert {path: answered.values.get(path) for path in left} == left, f"clearing {leaf.path} changed something else"
    await bench.destination.remove(OBJECT, [created.id])


async def update_changes_only_what_it_names(bench: Bench) -> None:
    """An update leaves every other leaf, and gives the row as it then is."""
    number = bench.leaves["integer"].path
    created = (await _create(bench, [{bench.text: "before", number: 7}]))[0]
    answered = await bench.destination.update(OBJECT, Write(created.id, {bench.text: "after"}))
    assert (answered.values[bench.text], answered.values[number]) == ("after", 7)
    await _holds(bench, created.id, {bench.text: "after", number: 7})
    await bench.destination.remove(OBJECT, [created.id])


async def create_keeps_ids_order_and_marker(bench: Bench) -> None:
    """Rows come back in the order sent, under our ids, as made by an import with our marker."""
    writes = [
        Write(str(uuid4()), {bench.text: f"row {number}"}) for number in range(min(20, bench.destination.capabilities.batch_size))
    ]
    rows = await bench.destination.create(OBJECT, writes, MARKER)
    assert [row.id for row in rows] == [write.id for write in writes]
    assert [row.values[bench.text] for row in rows] == [write.values[bench.text] for write in writes]
    assert {(row.created_by.kind, row.created_by.marker) for row in rows} == {("import", MARKER)}
    await bench.destination.remove(OBJECT, [row.id for row in rows])


async def create_is_all_or_nothing(bench: Bench) -> None:
    """One record that cannot be stored and none is; the refusal is a RejectedError."""
    if not bench.destination.capabilities.batch_is_atomic:
        return
    first = (await _create(bench, [{bench.text: "there already"}]))[0]
    fresh = [Write(str(uuid4()), {bench.text: "new"}) for _ in range(3)]
    try:
        await bench.destination.create(OBJECT, [*fresh, Write(first.id, {bench.text: "again"})], MARKER)
        raise AssertionError("creating an id that exists was not refused")
    except RejectedError as error:
        assert error.code == "duplicate", f"a duplicate was classed “{error.code}”"
    assert await bench.destination.fetch(OBJECT, [write.id for write in fresh]) == [], "a refused batch stored something"
    await _holds(bench, first.id, {bench.text: "there already"})
    await bench.destination.remove(OBJECT, [first.id])


async def refusals_keep_values_to_themselves(bench: Bench) -> None:
    """An error's words name the field, never the value."""
    secret = "Zaphod-4711"
    for kind in ("integer", "date", "option", "email"):
        path = bench.leaves[kind].path
        try:
            await bench.destination.create(OBJECT, [Write(str(uuid4()), {path: secret})], MARKER)
        except RejectedError as error:
            assert secret not in str(error) + error.remedy, f"the refusal of a {kind} repeats the value"
        else:
            raise AssertionError(f"a {kind} of nonsense was not refused")


async def listing_finds_every_row_once(bench: Bench) -> None:
    """More rows than a page holds come once each."""
    size = bench.destination.capabilities.batch_size
    wanted: set[str] = set()
    for _ in range(2):
        wanted |= {row.id for row in await _create(bench, [{bench.text: "many"}] * size)}
    wanted |= {row.id for row in await _create(bench, [{bench.text: "one more"}])}
    seen = [row.id async for page in bench.destination.rows(OBJECT) for row in page]
    assert len(seen) == len(set(seen)), "a row was listed twice"
    assert set(seen) == wanted, "the listing does not hold exactly the rows there are"
    await _empty(bench, seen)


async def finding_by_value(bench: Bench) -> None:
    """`find` gives the rows whose field equals one of many values, odd characters included, and only those."""
    rows = await _create(bench, [{"probeKey": value} for value in [*ODD_TEXTS, "other"]])
    many = [f"no such value {number}" for number in range(300)]
    found = await bench.destination.find(OBJECT, "probeKey", [*ODD_TEXTS, *many])
    texts = [str(row.values["probeKey"]) for row in found]
    lost, strange = set(ODD_TEXTS) - set(texts), set(texts) - set(ODD_TEXTS)
    assert not lost and not strange and len(texts) == len(ODD_TEXTS), f"find() missed {lost}, and gave {strange} besides"
    email = bench.leaves["email"].path
    mailed = (await _create(bench, [{email: "Find.Me@Example.com"}]))[0]
    found = await bench.destination.find(OBJECT, email, ["FIND.ME@example.com"])
    assert [row.id for row in found] == [mailed.id], "an address is not found in other capitals"
    await _empty(bench, [*(row.id for row in rows), mailed.id])


async def references_link_and_are_listed(bench: Bench) -> None:
    """A reference keeps the id; `referring` lists who points where."""
    leaf = next(field for field in bench.object.fields if field.type == "reference" and field.path.startswith("probeParent"))
    assert leaf.to_object == OBJECT, "describe() does not say where the reference leads"
    parent = (await _create(bench, [{bench.text: "parent"}]))[0]
    children = await _create(bench, [{leaf.path: parent.id}, {leaf.path: parent.id}, {bench.text: "orphan"}])
    pairs = await bench.destination.referring(OBJECT, leaf.path)
    assert sorted(pairs) == sorted((child.id, parent.id) for child in children[:2])
    await _empty(bench, [*(child.id for child in children), parent.id])


async def fetching_and_removing_what_is_not_there(bench: Bench) -> None:
    """Unknown ids are absent from a fetch and no error to remove; removing twice is done once."""
    created = (await _create(bench, [{bench.text: "short-lived"}]))[0]
    strangers = [str(uuid4()), str(uuid4())]
    assert [row.id for row in await bench.destination.fetch(OBJECT, [created.id, *strangers])] == [created.id]
    for _ in range(2):
        await bench.destination.remove(OBJECT, [created.id, *strangers])
    assert await bench.destination.fetch(OBJECT, [created.id]) == []
    await bench.destination.create(OBJECT, [Write(created.id, {bench.text: "again"})], MARKER)
    await bench.destination.remove(OBJECT, [created.id])


async def too_large_is_refused_before_it_is_sent(bench: Bench) -> None:
    """A body over the limit is a RejectedError `too_large`, so that the loader sends less at once."""
    room = bench.destination.capabilities.max_body_bytes
    writes = [Write(str(uuid4()), {bench.text: "x" * (room // 3)}) for _ in range(4)]
    try:
        await bench.destination.create(OBJECT, writes, MARKER)
        raise AssertionError("a body over max_body_bytes was sent")
    except RejectedError as error:
        assert error.code == "too_large"


RECORD_CHECKS: tuple[Check, ...] = (
    every_type_survives,
    clearing_empties_exactly_the_leaf,
    update_changes_only_what_it_names,
    create_keeps_ids_order_and_marker,
    create_is_all_or_nothing,
    refusals_keep_values_to_themselves,
    listing_finds_every_row_once,
    finding_by_value,
    references_link_and_are_listed,
    fetching_and_removing_what_is_not_there,
    too_large_is_refused_before_it_is_sent,
    added_options_leave_values_alone,
)
"""Checks on records; each leaves the object empty. `schema_comes_and_goes` and `soft_deleted_rows_are_seen` run apart."""


async def soft_deleted_rows_are_seen(bench: Bench, soft_delete: Callable[[str, str], Awaitable[None]]) -> None:
    """Rows a person deleted are found by fetch, find and the deleted listing, not by the live one; remove destroys them.

    `soft_delete(object, id)` does what a person in the CRM does. For platforms without soft deletion there is no such check.
    """
    gone, live = await _create(bench, [{"probeKey": "deleted"}, {"probeKey": "live"}])
    await soft_delete(OBJECT, gone.id)
    fetched = {row.id: row.deleted for row in await bench.destination.fetch(OBJECT, [gone.id, live.id])}
    assert fetched == {gone.id: True, live.id: False}
    found = {row.id for row in await bench.destination.find(OBJECT, "probeKey", ["deleted", "live"])}
    assert found == {gone.id, live.id}
    assert [row.id async for page in bench.destination.rows(OBJECT) for row in page] == [live.id]
    assert [row.id async for page in bench.destination.rows(OBJECT, deleted=True) for row in page] == [gone.id]
    await bench.destination.remove(OBJECT, [gone.id, live.id])
    assert await bench.destination.fetch(OBJECT, [gone.id, live.id]) == []


async def _create(bench: Bench, values: Sequence[Mapping[str, Value]]) -> Sequence[Row]:
    size = bench.destination.capabilities.batch_size
    writes = [Write(str(uuid4()), dict(item)) for item in values]
    parts = [writes[start : start + size] for start in range(0, len(writes), size)]
    return [row for part in parts for row in await bench.destination.create(OBJECT, part, MARKER)]


async def _holds(bench: Bench, identity: str, values: Values) -> None:
    rows = await bench.destination.fetch(OBJECT, [identity])
    assert len(rows) == 1, "a created row cannot be fetched"
    held = {path: rows[0].values.get(path) for path in values}
    wanted = {path: bench.destination.expected(_leaf(bench, path), value).value for path, value in values.items()}
    assert held == wanted, f"fetch() gives something else than was written to {', '.join(values)}"


def _leaf(bench: Bench, path: str) -> DestinationField:
    leaf = bench.object.field(path)
    assert leaf is not None, f"describe() shows no leaf {path}"
    return leaf


async def _empty(bench: Bench, ids: Sequence[str]) -> None:
    size = bench.destination.capabilities.read_size
    for start in range(0, len(ids), size):
        await bench.destination.remove(OBJECT, ids[start : start + size])
