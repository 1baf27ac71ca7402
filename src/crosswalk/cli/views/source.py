"""What a scan found: every object, every field."""

from collections.abc import Sequence

from crosswalk.cli.views.blocks import Block, Cell, Heading, Note, Table, Toned, number, some
from crosswalk.cli.views.findings import findings_view
from crosswalk.model.profile import FieldProfile, ObjectProfile, Profile, Relation
from crosswalk.model.source_schema import SourceObject, SourceSchema


def scan_view(schema: SourceSchema, profile: Profile) -> list[Block]:
    """Objects, then the fields of each, then what cannot be exported and what was found wrong."""
    rows = sum(item.rows for item in profile.objects)
    shown: list[Block] = [Heading(f"{len(profile.objects)} objects, {number(rows)} rows in {schema.location}")]
    shown.append(_objects(profile))
    for item in profile.objects:
        shown.append(_fields(item, _files(schema.object(item.name))))
        shown.extend(_relations(item.relations))
    shown.extend(Note(f"Not read: {path}, {reason}") for path, reason in schema.ignored)
    shown.extend(Note(f"Cannot be exported: {what}") for what in schema.not_exportable)
    return [*shown, *findings_view(profile.findings)]


def _objects(profile: Profile) -> Block:
    columns = ("object", "#rows", "#staged", "#folded", "#quarantined", "~key")
    return Table("Objects (rows = staged + folded + quarantined)", columns, [_object(item) for item in profile.objects])


def _object(item: ObjectProfile) -> Sequence[Cell]:
    key = " + ".join(item.key) or "content"
    kind = f"{key} ({item.key_kind})" if item.key else key
    return item.name, item.rows, item.staged, item.folded, some(item.quarantined, "bad"), kind


def _files(found: SourceObject | None) -> str:
    if found is None:
        return ""
    dialects = [", ".join(part for part in (file.encoding, _delimiter(file.delimiter)) if part) for file in found.files]
    return "; ".join(
        f"{file.path} ({dialect})" if dialect else file.path for file, dialect in zip(found.files, dialects, strict=True)
    )


def _delimiter(mark: str | None) -> str:
    return {"\t": "tab", ",": "comma", ";": "semicolon", "|": "bar"}.get(mark or "", mark or "")


def _fields(item: ObjectProfile, files: str) -> Block:
    columns = ("field", "~recognised as", "type", "#filled", "#distinct", "#?length", "?personal data", "?~looks like")
    return Table(f"{item.name}: {files}", columns, [_field(field, item.staged) for field in item.fields])


def _field(field: FieldProfile, rows: int) -> Sequence[Cell]:
    length = str(field.max_length) if field.min_length == field.max_length else f"{field.min_length}–{field.max_length}"
    share = f"{100 * field.filled / rows:.0f} %" if rows else ""
    kind = f"{field.type} ({field.date_order})" if field.date_order else field.type
    concept = field.concept.partition(".")[2] if field.concept else Toned("unknown", "warn")
    return field.name, concept, kind, share, field.distinct, length if field.filled else "", field.personal or "", _looks(field)


def _looks(field: FieldProfile) -> str:
    if field.values:
        more = " …" if len(field.values) > 3 else ""
        return ", ".join(f"{value} ({count:,})" for value, count in field.values[:3]) + more
    return ", ".join(mask for mask, _ in field.patterns[:2])


def _relations(relations: Sequence[Relation]) -> list[Block]:
    lines: list[Block] = []
    for item in relations:
        line = f"{item.field} → {item.to_object}.{item.to_field}: {item.matched:,} found"
        places = f" ({', '.join(item.orphan_lines[:3])})" if item.orphan_lines else ""
        orphans = f", {item.orphans:,} that nothing has{places}" if item.orphans else ""
        lines.append(Note(line + orphans, "warn" if item.orphans else "quiet"))
    return lines
