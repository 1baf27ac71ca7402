"""propose: binds the shipped map to the export that is really there (B1), and says what it could not place."""

from collections.abc import Callable, Iterator
from collections.abc import Mapping as Dictionary
from dataclasses import dataclass, field
from itertools import count
from typing import Any

from crosswalk.model.mapping import FALLBACK_OWNER, Mapping, Settings, Unmapped
from crosswalk.model.profile import Profile
from crosswalk.model.source_schema import SourceObject, SourceSchema
from crosswalk.store.columns_read import columns_read
from crosswalk.store.expression import expression_columns, holds_for_blanks, renamed_expression
from crosswalk.store.mapping_file import mapping_from
from crosswalk.store.template import Part, parse_template
from crosswalk.transforms.contract import Settings as TransformSettings
from crosswalk.transforms.registry import transform

Plain = dict[str, Any]
"""A part of the shipped map before it is bound: plain YAML values."""


Distinct = Callable[[str, str], list[str]]
"""Source object and column → its distinct values, none when there are too many for a list of options."""


LONGEST_LABEL = 63
"""Characters of an option's label (facts/twenty.md §8)."""


class _Missing(Exception):
    """The export lacks what a part of the map needs; the text says what."""


@dataclass(slots=True)
class _Binder:
    schema: SourceSchema
    profile: Profile
    settings: Settings
    distinct: Distinct
    notes: list[str] = field(default_factory=lambda: [])

    def source(self, name: str) -> SourceObject:
        found = self.schema.object(name)
        if found is None:
            raise _Missing(f"the export has no {name}")
        return found

    def column(self, source_object: str, concept: str) -> str:
        """The header that carries a concept."""
        header = self.source(source_object).by_concept(concept)
        if header is None:
            raise _Missing(f"{source_object} has no column for {concept}")
        return header


def propose(shipped: Plain, schema: SourceSchema, profile: Profile, settings: Settings, distinct: Distinct) -> Mapping:
    """The map for this export: concepts bound to headers, absent parts dropped and noted, the rest listed as unmapped.

    Raises UsageError when the shipped map itself is not well-formed.
    """
    binder = _Binder(schema, profile, settings, distinct)
    records = _bind_records(binder, shipped["records"])
    _drop_dangling(records, binder.notes)
    written = {record["to"] for record in records.values()}
    content: Plain = {
        **{key: shipped[key] for key in ("version", "source", "destination", "sample_root")},
        "settings": settings.model_dump(),
        "date_orders": _date_orders(binder),
        "objects": [item for item in shipped.get("objects", []) if item["name"] in written],
        "records": records,
        "totals": [
            total for total in shipped.get("totals", []) if total["field"] in records.get(total["record"], {}).get("fields", {})
        ],
        "notes": binder.notes,
        "based_on": {"source_schema": schema.digest(), "profile": profile.digest()},
    }
    mapping = mapping_from(content, "the shipped map")
    return mapping.model_copy(update={"unmapped": tuple(_unmapped(binder, mapping))})


def _bind_records(binder: _Binder, shipped: Dictionary[str, Plain]) -> dict[str, Plain]:
    records: dict[str, Plain] = {}
    failed: dict[str, str] = {}
    for variant, record in shipped.items():
        name, _, _ = variant.partition("@")
        if name in records:
            continue
        before = len(binder.notes)
        try:
            records[name] = _bind_record(binder, name, record)
            failed.pop(name, None)
        except _Missing as missing:
            del binder.notes[before:]
            failed[name] = f"{record.get('title', name)}: not migrated, {missing}"
    binder.notes += failed.values()
    return records


def _bind_record(binder: _Binder, name: str, record: Plain) -> Plain:
    source_object = record["from"]
    binder.source(source_object)
    joins = _bind_joins(binder, source_object, record.get("joins", {}), name)

    def column(concept: str) -> str:
        alias, dot, rest = concept.partition(".")
        if dot and alias in record.get("joins", {}):
            if alias not in joins:
                raise _Missing(f"nothing is joined as {alias}")
            return f"{alias}.{binder.column(joins[alias]['from'], rest)}"
        return binder.column(source_object, concept)

    bound: Plain = {key: record[key] for key in ("title", "to", "from", "fold", "link", "enabled") if key in record}
    fields: Plain = {}
    for key in ("key", "order"):
        if key in record:
            bound[key] = [column(concept) for concept in record[key]]
    if "where" in record and (where := _bound_where(record["where"], column, f"{name}.where")):
        bound["where"] = where
    if joins:
        bound["joins"] = joins
    bound["fields"] = fields
    absent: list[str] = []
    needed: dict[str, _Missing] = {}
    for variant, mapped in record["fields"].items():
        path, _, alternative = variant.partition("@")
        if alternative and path in fields:
            continue
        try:
            fields[path] = _bind_field(binder, source_object, mapped, column, record, fields)
        except _Missing as missing:
            if mapped.get("required"):
                needed[path] = missing
            if "words_of" not in mapped and "beside" not in mapped and not alternative:
                absent.append(path)
    for path, missing in needed.items():
        if path not in fields:  # no alternative had a source either
            raise missing
    if by := [path for path in record.get("match", {}).get("by", ()) if path in fields]:
        bound["match"] = {"by": by}
    if absent := [path for path in absent if path not in fields]:
        binder.notes.append(f"{name}: the export has nothing for {', '.join(absent)}")
    return bound


def _bound_where(where: str, column: Callable[[str], str], place: str) -> str | None:
    """The filter with its columns bound; None when the export lacks its column and blanks pass.

    Raises _Missing when the export lacks its column and blanks do not pass: then no row would.
    """
    names: dict[str, str] = {}
    for concept in expression_columns(where, place):
        try:
            names[concept] = column(concept)
        except _Missing:
            if holds_for_blanks(where, place):
                return None
            raise
    return renamed_expression(where, names.__getitem__, place)


def _bind_joins(binder: _Binder, source_object: str, joins: Dictionary[str, Plain], name: str) -> dict[str, Plain]:
    """The joins the export has the objects for; the others are noted."""
    bound: dict[str, Plain] = {}
    for alias, join in joins.items():
        try:
            bound[alias] = _bind_join(binder, source_object, join)
        except _Missing as missing:
            binder.notes.append(f"{name}: nothing joined from {join['from']}, {missing}")
    return bound


def _bind_join(binder: _Binder, source_object: str, join: Plain) -> Plain:
    theirs = join["from"]
    bound: Plain = {
        "from": theirs,
        "match": {binder.column(theirs, their): binder.column(source_object, our) for their, our in join["match"].items()},
    }
    order = [header for concept in join.get("order", ()) if (header := binder.source(theirs).by_concept(concept))]
    return {**bound, "order": order} if order else bound


def _bind_field(
    binder: _Binder, source_object: str, mapped: Plain, column: Callable[[str], str], record: Plain, done: dict[str, Plain]
) -> Plain:
    bound = dict(mapped)
    for path in (mapped.get("words_of"), mapped.get("beside")):
        if path is not None and path not in done:
            raise _Missing(f"{path} is not mapped")
    for key in ("from", "owner", "file"):
        if key in mapped and mapped[key] != FALLBACK_OWNER:
            bound[key] = column(mapped[key])
    for key in ("template", "lines", "fallback"):
        if key in mapped:
            try:
                bound[key] = _bound_template(mapped[key], column)
            except _Missing:
                if key == "template" and "fallback" in mapped:
                    bound["template"] = _bound_template(mapped["fallback"], column)
                    bound.pop("fallback")
                    break
                if key != "fallback":
                    raise
                bound.pop("fallback")
    if "expression" in mapped:
        bound["expression"] = renamed_expression(mapped["expression"], column, "shipped map")
    if "constant" in mapped and mapped["constant"] == "@currency":
        bound["constant"] = binder.settings.currency
    if "gather" in mapped:
        bound["gather"] = _bind_gather(binder, mapped["gather"], column)
    if mapped.get("values") == "auto":
        _bind_values(binder, bound, source_object, record)
    return bound


def _bind_gather(binder: _Binder, gather: Plain, column: Callable[[str], str]) -> Plain:
    theirs = gather["from"]
    joins = _bind_joins(binder, theirs, gather.get("joins", {}), f"{theirs} (gathered)")

    def their_column(concept: str) -> str:
        alias, dot, rest = concept.partition(".")
        return f"{alias}.{binder.column(joins[alias]['from'], rest)}" if dot and alias in joins else binder.column(theirs, concept)

    bound: Plain = {"from": theirs, "match": {their_column(their): column(our) for their, our in gather["match"].items()}}
    if joins:
        bound["joins"] = joins
    if "where" in gather and (where := _bound_where(gather["where"], their_column, "gather.where")):
        bound["where"] = where
    order = [header for concept in gather.get("order", ()) if (header := binder.source(theirs).by_concept(concept))]
    if order:
        bound["order"] = order
    if "lines" in gather:
        bound["lines"] = _bound_template(gather["lines"], their_column)
    if "items" in gather:
        bound["items"] = their_column(gather["items"])
    return bound


def _bound_template(template: str, column: Callable[[str], str]) -> str:
    """The template with its columns bound; optional parts the export cannot fill vanish. Raises _Missing for the others."""
    groups: dict[int, list[Part]] = {}
    pieces: list[tuple[int, list[Part]]] = []
    for part in parse_template(template):
        if part.optional and part.optional in groups:
            groups[part.optional].append(part)
            continue
        group = groups.setdefault(part.optional, [part]) if part.optional else [part]
        pieces.append((part.optional, group))
    text = ""
    for optional, group in pieces:
        try:
            rendered = "".join(_bound_part(part, column) for part in group)
        except _Missing:
            if not optional:
                raise
            continue
        text += f"[{rendered}]" if optional else rendered
    return text


def _bound_part(part: Part, column: Callable[[str], str]) -> str:
    if part.is_column:
        header = part.text if part.text == "key" else column(part.text)
        if set(header) & set("{}"):
            raise _Missing("a template cannot name a column with braces in its header")
        return "{" + header + "}"
    return "".join(character * 2 if character in "{}[]" else character for character in part.text)


def _bind_values(binder: _Binder, bound: Plain, source_object: str, record: Plain) -> None:
    """A value map and options made from the values the profile found; without such a list the field becomes text."""
    origin, header = source_object, bound.get("from", "")
    joins = record.get("joins", {})
    if "gather" in bound:
        origin, header, joins = bound["gather"]["from"], bound["gather"]["items"], bound["gather"].get("joins", {})
    alias, dot, plain = header.partition(".")
    if dot and alias in joins:
        origin, header = joins[alias]["from"], plain
    values = [value for value in binder.distinct(origin, header) if value.strip()]
    create = dict(bound["create"])
    if not values:
        bound.pop("values")
        bound["create"] = {**create, "type": "list" if create["type"] == "options" else "text"}
        bound["create"].pop("options", None)
        return
    to_option = transform("option").function
    options: dict[str, str] = {}
    bound["values"] = {}
    for value in values:
        option = to_option(value, TransformSettings()).value
        if not isinstance(option, str):
            continue
        if option not in options:
            options[option] = _label(value, option, {label.lower() for label in options.values()})
        bound["values"][value.strip()] = option
    bound["create"] = {**create, "options": [[option, label] for option, label in options.items()]}


def _label(value: str, option: str, taken: set[str]) -> str:
    """The value as an option's label: at most 63 characters, no comma, like no other (facts/twenty.md §8)."""
    words = option.replace("_", " ").title()
    label = value.replace(",", " ").strip()[:LONGEST_LABEL].strip() or words
    for choice in (label, words[:LONGEST_LABEL]):
        if choice.lower() not in taken:
            return choice
    numbered = (f"{label[: LONGEST_LABEL - 5].strip()} {number}" for number in count(2))
    return next(choice for choice in numbered if choice.lower() not in taken)


def _drop_dangling(records: dict[str, Plain], notes: list[str]) -> None:
    """Lookups of records the export has no source for: the field goes, or its whole record when it is required."""
    while True:
        gone = [
            (name, path)
            for name, record in records.items()
            for path, mapped in record["fields"].items()
            if (target := mapped.get("lookup")) and (target not in records or _switched_off(records, name, target))
        ]
        if not gone:
            return
        for name, path in gone:
            if name not in records:
                continue
            target = records[name]["fields"][path]["lookup"]
            if records[name]["fields"][path].get("required"):
                notes.append(f"{records[name].get('title', name)}: not migrated, they belong to {target}, which the export has not")
                del records[name]
            else:
                notes.append(f"{name}.{path}: left out, the export has no {target}")
                del records[name]["fields"][path]


def _switched_off(records: dict[str, Plain], name: str, target: str) -> bool:
    return records[name].get("enabled", True) and not records[target].get("enabled", True)


def _date_orders(binder: _Binder) -> dict[str, dict[str, str]]:
    """The inferred order of every date column that is not plainly year-first; open questions become notes."""
    orders: dict[str, dict[str, str]] = {}
    for item in binder.profile.objects:
        for profiled in item.fields:
            if profiled.date_order in ("dmy", "mdy"):
                orders.setdefault(item.name, {})[profiled.name] = profiled.date_order
            elif profiled.date_order in ("mixed", "unknown"):
                binder.notes.append(
                    f"date_orders: {item.name}.{profiled.name} could not be decided"
                    f" ({profiled.date_evidence}); say dmy or mdy under date_orders"
                )
    return orders


def _unmapped(binder: _Binder, mapping: Mapping) -> Iterator[Unmapped]:
    """Every source field that goes nowhere. A key counts as used where anything of its object is."""
    used = {(source_object, column) for _, source_object, column in columns_read(mapping)}
    used_objects = {source_object for source_object, _ in used} | {record.from_ for record in mapping.active().values()}
    for item in binder.schema.objects:
        profiled = binder.profile.object(item.name)
        for source_field in item.fields:
            if (item.name, source_field.name) in used or (source_field.name in item.key and item.name in used_objects):
                continue
            filled = next((one.filled for one in profiled.fields if one.name == source_field.name), 0) if profiled else 0
            reason = "the shipped map has no place for it" if filled else "empty in this export"
            yield Unmapped(object=item.name, field=source_field.name, reason=reason)
