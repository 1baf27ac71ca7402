"""What every destination connector must do, as checks a connector's own tests run against a server.

The checks bring their own object, so they need nothing but a workspace they may change, and leave it as it was:

    async with bench_schema(destination) as bench:
        for check in RECORD_CHECKS:
            await check(bench)

Each check raises AssertionError saying what the connector broke. Types a platform cannot create (`field_types`) are left out;
a platform with rules for names brings its own `Naming`.
"""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from uuid import uuid4

from crosswalk.model.destination_schema import DestinationField
from crosswalk.model.errors import RejectedError
from crosswalk.model.record import Row, Write
from crosswalk.model.schema_plan import FieldCreation, SchemaChange
from crosswalk.model.values import Value, Values
from crosswalk.spi.destination import Destination
from crosswalk.testing.contract_bench import (
    FIRST_OPTIONS,
    MORE_OPTIONS,
    PLAIN,
    SAMPLES,
    Bench,
    Naming,
    all_changes,
    described,
    field_change,
)

MARKER = "contract-run"

ODD_TEXTS = (
    *('a,b"c', "(x)", "o'b: [y]", " lead", "per%cent", "one+one", "back\\slash", "plain", "zoë", 'say "hi"'),
    *(":)", "O'Brien", "two\nlines", "&amp;=?#", "𝔘nicode"),
)
"""Texts that a filter must carry unharmed."""


Check = Callable[[Bench], Awaitable[None]]
"""One promise, kept or not."""


# -- schema ----------------------------------------------------------------------------------------------------------


async def schema_comes_and_goes(destination: Destination, naming: Naming = PLAIN) -> None:
    """Applying and undoing everything leaves the description as it was; doing either twice does nothing more."""
    before = await destination.describe()
    schema = before
    changes = all_changes(naming, destination.capabilities.field_types)
    more = SchemaChange(
        operation="add_options",
        object=naming.object,
        name=field_change(naming, "option").name,
        field=FieldCreation(type="option", label="", options=MORE_OPTIONS),
    )
    for change in [*changes, more]:
        schema = await destination.apply(change, schema)
        again = await destination.apply(change, schema)
        assert again.digest() == schema.digest(), f"applying {change.label()} twice changed something"
    option = described(schema, naming).field(more.name)
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
        more = SchemaChange(operation="add_options", object=bench.name, name=bench.leaves[kind].path, field=asked)
        schema = await bench.destination.apply(more, bench.schema)
        await _holds(bench, created.id, kept)
        await bench.destination.undo(more, schema)
        await _holds(bench, created.id, kept)
    await bench.destination.remove(bench.name, [created.id])


# -- records ---------------------------------------------------------------------------------------------------------


async def every_type_survives(bench: Bench) -> None:
    """Each sample value reads back as `expected` says: in the answer to create, by fetch, and in the listing."""
    for kind, leaf in bench.leaves.items():
        samples = SAMPLES[kind]
        rows = await _create(bench, [{leaf.path: sample} for sample in samples])
        for sample, answered in zip(samples, rows, strict=True):
            wanted = bench.destination.expected(leaf, sample)
            assert wanted.value == sample or wanted.rule, f"expected() changes a {kind} without naming the rule"
            assert answered.values.get(leaf.path) == wanted.value, f"{kind}: create() answered something else than expected()"
            await _holds(bench, answered.id, {leaf.path: wanted.value})
        await bench.destination.remove(bench.name, [row.id for row in rows])


async def clearing_empties_exactly_the_leaf(bench: Bench) -> None:
    """Writing None empties a leaf of any type, and no other."""
    full: Values = {leaf.path: SAMPLES[kind][0] for kind, leaf in bench.leaves.items()}
    created = (await _create(bench, [full]))[0]
    left = {path: created.values[path] for path in full}
    for leaf in bench.leaves.values():
        answered = await _update(bench, Write(created.id, {leaf.path: None}))
        left[leaf.path] = None
        assert {path: answered.values.get(path) for path in left} == left, f"clearing {leaf.path} changed something else"
    await bench.destination.remove(bench.name, [created.id])


async def update_changes_only_what_it_names(bench: Bench) -> None:
    """An update leaves every other leaf, and gives the row as it then is."""
    number = bench.leaves["integer"].path
    created = (await _create(bench, [{bench.text: "before", number: 7}]))[0]
    answered = await _update(bench, Write(created.id, {bench.text: "after"}))
    assert (answered.values[bench.text], answered.values[number]) == ("after", 7)
    await _holds(bench, created.id, {bench.text: "after", number: 7})
    await bench.destination.remove(bench.name, [created.id])


async def create_keeps_ids_order_and_marker(bench: Bench) -> None:
    """Rows come back in the order sent, under our ids, as made by an import with our marker."""
    writes = [
        Write(str(uuid4()), {bench.text: f"row {number}"}) for number in range(min(20, bench.destination.capabilities.batch_size))
    ]
    rows = _rows(await bench.destination.create(bench.name, writes, MARKER))
    assert [row.id for row in rows] == [write.id for write in writes]
    assert [row.values[bench.text] for row in rows] == [write.values[bench.text] for write in writes]
    assert {(row.created_by.kind, row.created_by.marker) for row in rows} == {("import", bench.destination.kept_marker(MARKER))}
    await bench.destination.remove(bench.name, [row.id for row in rows])


async def create_is_all_or_nothing(bench: Bench) -> None:
    """One record that cannot be stored and none is; the refusal is a RejectedError."""
    if not bench.destination.capabilities.batch_is_atomic:
        return
    first = (await _create(bench, [{bench.text: "there already"}]))[0]
    fresh = [Write(str(uuid4()), {bench.text: "new"}) for _ in range(3)]
    try:
        await bench.destination.create(bench.name, [*fresh, Write(first.id, {bench.text: "again"})], MARKER)
        raise AssertionError("creating an id that exists was not refused")
    except RejectedError as error:
        assert error.code == "duplicate", f"a duplicate was classed “{error.code}”"
    assert await bench.destination.fetch(bench.name, [write.id for write in fresh]) == [], "a refused batch stored something"
    await _holds(bench, first.id, {bench.text: "there already"})
    await bench.destination.remove(bench.name, [first.id])


async def each_record_is_answered_on_its_own(bench: Bench) -> None:
    """Where batches are not atomic, a record that cannot be stored is refused alone, in its place, and the others are stored."""
    if bench.destination.capabilities.batch_is_atomic:
        return
    first = (await _create(bench, [{bench.text: "there already"}]))[0]
    fresh = [Write(str(uuid4()), {bench.text: "new"}) for _ in range(2)]
    sent = [fresh[0], Write(first.id, {bench.text: "again"}), fresh[1]]
    answers = await bench.destination.create(bench.name, sent, MARKER)
    codes = [answer.code if isinstance(answer, RejectedError) else "" for answer in answers]
    assert codes == ["", "duplicate", ""], f"the records were answered {codes}"
    for write in fresh:
        await _holds(bench, write.id, {bench.text: "new"})
    await _holds(bench, first.id, {bench.text: "there already"})
    await bench.destination.remove(bench.name, [first.id, *(write.id for write in fresh)])


async def refusals_keep_values_to_themselves(bench: Bench) -> None:
    """An error's words name the field, never the value. (Some platforms take any text for an address.)"""
    secret = "Zaphod-4711"
    for kind in ("integer", "date", "option", "email"):
        path = bench.leaves[kind].path
        try:
            (answer,) = await bench.destination.create(bench.name, [Write(str(uuid4()), {path: secret})], MARKER)
        except RejectedError as error:
            answer = error
        if isinstance(answer, RejectedError):
            assert secret not in str(answer) + answer.remedy, f"the refusal of a {kind} repeats the value"
        else:
            assert kind == "email", f"a {kind} of nonsense was not refused"
            await bench.destination.remove(bench.name, [answer.id])


async def listing_finds_every_row_once(bench: Bench) -> None:
    """More rows than a page holds come once each."""
    size = bench.destination.capabilities.batch_size
    wanted: set[str] = set()
    for _ in range(2):
        wanted |= {row.id for row in await _create(bench, [{bench.text: "many"}] * size)}
    wanted |= {row.id for row in await _create(bench, [{bench.text: "one more"}])}
    seen = [row.id async for page in bench.destination.rows(bench.name) for row in page]
    assert len(seen) == len(set(seen)), "a row was listed twice"
    assert set(seen) == wanted, "the listing does not hold exactly the rows there are"
    await _empty(bench, seen)


async def finding_by_value(bench: Bench) -> None:
    """`find` gives the rows whose field equals one of many values, odd characters included, and only those."""
    rows = await _create(bench, [{bench.key: value} for value in [*ODD_TEXTS, "other"]])
    many = [f"no such value {number}" for number in range(300)]
    found = await bench.destination.find(bench.name, bench.key, [*ODD_TEXTS, *many])
    texts = [str(row.values[bench.key]) for row in found]
    lost, strange = set(ODD_TEXTS) - set(texts), set(texts) - set(ODD_TEXTS)
    assert not lost and not strange and len(texts) == len(ODD_TEXTS), f"find() missed {lost}, and gave {strange} besides"
    email = bench.leaves["email"].path
    mailed = (await _create(bench, [{email: "Find.Me@Example.com"}]))[0]
    found = await bench.destination.find(bench.name, email, ["FIND.ME@example.com"])
    assert [row.id for row in found] == [mailed.id], "an address is not found in other capitals"
    await _empty(bench, [*(row.id for row in rows), mailed.id])


async def references_link_and_are_listed(bench: Bench) -> None:
    """A reference keeps the id; `referring` lists who points where, and `find` gives the rows that point to one."""
    leaf = next(
        field
        for field in bench.object.fields
        if field.type == "reference" and field.path.startswith(bench.naming.field("probeParent"))
    )
    assert leaf.to_object == bench.name, "describe() does not say where the reference leads"
    parent = (await _create(bench, [{bench.text: "parent"}]))[0]
    children = await _create(bench, [{leaf.path: parent.id}, {leaf.path: parent.id}, {bench.text: "orphan"}])
    pairs = await bench.destination.referring(bench.name, leaf.path)
    assert sorted(pairs) == sorted((child.id, parent.id) for child in children[:2])
    found = await bench.destination.find(bench.name, leaf.path, [parent.id, str(uuid4())])
    assert {row.id for row in found} == {child.id for child in children[:2]}, "find() by a reference gives something else"
    await _empty(bench, [*(child.id for child in children), parent.id])


async def every_reference_can_be_searched_by(bench: Bench) -> None:
    """Each reference that describe() shows, on any object, answers `find`: a row is taken back only when nothing refers to it."""
    stranger = str(uuid4())
    for item in bench.schema.objects:
        for leaf in item.fields:
            if leaf.to_object is not None:
                found = await bench.destination.find(item.name, leaf.path, [stranger])
                assert found == [], f"find() by {item.name}.{leaf.path} gives rows that refer to nobody"


async def fetching_and_removing_what_is_not_there(bench: Bench) -> None:
    """Unknown ids are absent from a fetch and no error to remove; removing twice is done once."""
    created = (await _create(bench, [{bench.text: "short-lived"}]))[0]
    strangers = [str(uuid4()), str(uuid4())]
    assert [row.id for row in await bench.destination.fetch(bench.name, [created.id, *strangers])] == [created.id]
    for _ in range(2):
        await bench.destination.remove(bench.name, [created.id, *strangers])
    assert await bench.destination.fetch(bench.name, [created.id]) == []
    await bench.destination.create(bench.name, [Write(created.id, {bench.text: "again"})], MARKER)
    await bench.destination.remove(bench.name, [created.id])


async def too_large_is_refused_before_it_is_sent(bench: Bench) -> None:
    """A body over the limit is a RejectedError `too_large`, so that the loader sends less at once."""
    if not bench.destination.capabilities.batch_is_atomic:
        return  # it cuts what it is given into requests of its own
    room = bench.destination.capabilities.max_body_bytes
    writes = [Write(str(uuid4()), {bench.text: "x" * (room // 3)}) for _ in range(4)]
    try:
        await bench.destination.create(bench.name, writes, MARKER)
        raise AssertionError("a body over max_body_bytes was sent")
    except RejectedError as error:
        assert error.code == "too_large"


RECORD_CHECKS: tuple[Check, ...] = (
    every_type_survives,
    clearing_empties_exactly_the_leaf,
    update_changes_only_what_it_names,
    create_keeps_ids_order_and_marker,
    create_is_all_or_nothing,
    each_record_is_answered_on_its_own,
    refusals_keep_values_to_themselves,
    listing_finds_every_row_once,
    finding_by_value,
    references_link_and_are_listed,
    every_reference_can_be_searched_by,
    fetching_and_removing_what_is_not_there,
    too_large_is_refused_before_it_is_sent,
    added_options_leave_values_alone,
)
"""Checks on records; each leaves the object empty. `schema_comes_and_goes` and `soft_deleted_rows_are_seen` run apart."""


async def soft_deleted_rows_are_seen(bench: Bench, soft_delete: Callable[[str, str], Awaitable[None]]) -> None:
    """Rows a person deleted are found by fetch, find and the deleted listing, not by the live one; remove destroys them.

    `soft_delete(object, id)` does what a person in the CRM does. For platforms without soft deletion there is no such check.
    """
    gone, live = await _create(bench, [{bench.key: "deleted"}, {bench.key: "live"}])
    await soft_delete(bench.name, gone.id)
    fetched = {row.id: row.deleted for row in await bench.destination.fetch(bench.name, [gone.id, live.id])}
    assert fetched == {gone.id: True, live.id: False}
    found = {row.id for row in await bench.destination.find(bench.name, bench.key, ["deleted", "live"])}
    assert found == {gone.id, live.id}
    assert [row.id async for page in bench.destination.rows(bench.name) for row in page] == [live.id]
    assert [row.id async for page in bench.destination.rows(bench.name, deleted=True) for row in page] == [gone.id]
    await bench.destination.remove(bench.name, [gone.id, live.id])
    assert await bench.destination.fetch(bench.name, [gone.id, live.id]) == []


async def _create(bench: Bench, values: Sequence[Mapping[str, Value]]) -> Sequence[Row]:
    size = bench.destination.capabilities.batch_size
    writes = [Write(str(uuid4()), dict(item)) for item in values]
    parts = [writes[start : start + size] for start in range(0, len(writes), size)]
    return [row for part in parts for row in _rows(await bench.destination.create(bench.name, part, MARKER))]


def _rows(answers: Sequence[Row | RejectedError]) -> list[Row]:
    """The answers, none of which may be a refusal."""
    for answer in answers:
        assert not isinstance(answer, RejectedError), f"a record was refused: {answer.code}: {answer}"
    return [answer for answer in answers if isinstance(answer, Row)]


async def _update(bench: Bench, write: Write) -> Row:
    return _rows(await bench.destination.update(bench.name, [write]))[0]


async def _holds(bench: Bench, identity: str, values: Values) -> None:
    rows = await bench.destination.fetch(bench.name, [identity])
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
        await bench.destination.remove(bench.name, ids[start : start + size])
