"""preflight: what would go wrong, found in the staged writes and the schema before anything is sent (E3)."""

from collections.abc import Iterator
from pathlib import Path

import duckdb

from crosswalk.model.destination_schema import DestinationSchema
from crosswalk.model.finding import Finding, Severity
from crosswalk.model.mapping import FieldMapping, Mapping
from crosswalk.model.staged_writes import StagedRecord, StagedWrites
from crosswalk.spi.capabilities import Capabilities
from crosswalk.store.files import object_file
from crosswalk.store.sql import literal, parquet, quoted
from crosswalk.transforms.registry import TRANSFORMS

OWN_REMEDIES = {
    "orphan": "The row it refers to is not in the export: export it too, or accept that this link stays empty.",
    "unmapped_value": "Add the value to this field's value map in mapping.yaml, then approve and plan again.",
    "shared_value": "Nothing to do: the first keeps the value, the others keep it as an additional one.",
    "missing_value": "Fill the cell in the source and scan again, or accept that the field stays empty.",
    "type_differs": "Give the field another type or transform in mapping.yaml: these cells are not of the type it has.",
    "too_many_decimals": "Correct the amount in the source: more than six decimals cannot be kept exactly.",
}
REMEDIES = {item.code: item.remedy for spec in TRANSFORMS.values() for item in spec.findings} | OWN_REMEDIES
MIB = 1024 * 1024
EXAMPLES = 5


def preflight(
    mapping: Mapping,
    staged: StagedWrites,
    schema: DestinationSchema,
    capabilities: Capabilities,
    workspace: Path,
    connection: duckdb.DuckDBPyConnection,
) -> tuple[Finding, ...]:
    """Findings about the map against the schema, and about the staged writes against both."""
    found: list[Finding] = [*_without_root(mapping, staged), *_unknown_fields(mapping, schema)]
    for record in staged.records:
        found += _row_findings(mapping, record, workspace, connection)
        found += _too_long(mapping, record, schema, capabilities, workspace, connection)
        found += _options(mapping, record, schema, workspace, connection)
    return tuple(found)


def _without_root(mapping: Mapping, staged: StagedWrites) -> Iterator[Finding]:
    """Whom everything else belongs to: without them a clinic's other records would arrive as nobody's."""
    root = staged.record(mapping.sample_root)
    if root is None or not root.rows:
        why = "has no rows" if root else "is not migrated: the map has no such active record"
        yield Finding(
            code="sample_root_missing", severity="blocking",
            message=f"{mapping.sample_root}, the record that a sample is chosen by, {why}.",
            remedy="Add its file to the export, scan, map --again and plan; or name another record as sample_root in mapping.yaml.",
        )  # fmt: skip


def _unknown_fields(mapping: Mapping, schema: DestinationSchema) -> Iterator[Finding]:
    created_objects = {item.name for item in mapping.objects}
    for name, record in mapping.active().items():
        target = schema.object(record.to)
        if target is None and record.to not in created_objects:
            yield Finding(
                code="object_unknown", severity="blocking", object=record.to, acceptable=False,
                message=f"The destination has no object {record.to}, which record {name} writes.",
                remedy="Correct `to` in mapping.yaml, or add the object under objects so that the plan creates it.",
            )  # fmt: skip
            continue
        created = {path.partition(".")[0] for path, mapped in record.fields.items() if mapped.create}
        for leaf in target.fields if target else ():
            if leaf.required and leaf.writable and not leaf.computed and leaf.path not in record.fields:
                yield Finding(
                    code="required_unmapped", severity="warning", object=record.to, field=leaf.path,
                    message=f"{record.to}.{leaf.path} may not stay empty, and record {name} writes nothing into it.",
                    remedy="Map it in mapping.yaml, a constant at least, or the destination may refuse these records.",
                )  # fmt: skip
        for path in record.fields:
            field = target.field(path) if target else None
            if field is None:
                if path.partition(".")[0] not in created:
                    yield _field_finding(
                        "field_unknown", record.to, path, "does not exist in the destination",
                        "Correct the path in mapping.yaml, or add `create:` so that the plan creates it.",
                    )  # fmt: skip
            elif not field.writable and record.fields[path].if_writable:
                yield _field_finding(
                    "field_left_out", record.to, path, "cannot be written with these rights, and is left out",
                    "Give our user the privilege and plan again, or accept that the destination keeps its own value.", "warning",
                )  # fmt: skip
            elif not field.writable:
                yield _field_finding("field_not_writable", record.to, path, "cannot be written", "Take it out of mapping.yaml.")


def _field_finding(code: str, object_name: str, path: str, what: str, remedy: str, severity: Severity = "blocking") -> Finding:
    return Finding(
        code=code, severity=severity, object=object_name, field=path, message=f"{object_name}.{path} {what}.", remedy=remedy,
        acceptable=severity != "blocking",
    )  # fmt: skip


def _row_findings(
    mapping: Mapping, record: StagedRecord, workspace: Path, connection: duckdb.DuckDBPyConnection
) -> Iterator[Finding]:
    """What the transforms found, by code and field, and rows that cannot be written; with examples."""
    for finding, count in record.findings.items():
        code, _, path = finding.partition(":")
        yield Finding(
            code=code, severity="warning", object=record.object, field=path, count=count,
            message=f"{count} {record.record}: {code.replace('_', ' ')} in {path}{_kept_in(mapping, record.record, code, path)}.",
            remedy=REMEDIES.get(code, "Look at these rows with crosswalk audit --source-id."),
            examples=_examples(record, f"list_contains(_findings, {literal(finding)})", workspace, connection),
        )  # fmt: skip
    if record.states.get("rejected"):
        rejected = f"{parquet(workspace / record.file)} WHERE _state = 'rejected'"
        for reason, count in connection.execute(f"SELECT _reason, count(*) FROM {rejected} GROUP BY 1").fetchall():
            code, _, path = reason.partition(":")
            yield Finding(
                code=code, severity="warning", object=record.object, field=path, count=count,
                examples=_examples(record, f"_state = 'rejected' AND _reason = {literal(reason)}", workspace, connection),
                message=f"{count} {record.record} will not be written: {path} has no value, and they need one.",
                remedy="Correct these rows in the source and scan again; until then they end as rejected, each with this reason.",
            )  # fmt: skip


def _examples(record: StagedRecord, where: str, workspace: Path, connection: duckdb.DuckDBPyConnection) -> tuple[str, ...]:
    """Some of the rows, in source order: the source key, and the file and line that a person corrects."""
    some = f"SELECT _key, _row FROM {parquet(workspace / record.file)} WHERE {where} ORDER BY _row LIMIT {EXAMPLES}"
    source = parquet(object_file(workspace / "raw", record.source_object))
    rows = connection.execute(
        f"SELECT w._key, r._file, r._line FROM ({some}) w JOIN {source} r ON r._row = w._row ORDER BY w._row"
    ).fetchall()
    return tuple(f"{key} ({file}:{line})" for key, file, line in rows)


def _kept_in(mapping: Mapping, record: str, code: str, path: str) -> str:
    fields = mapping.records[record].fields
    unique = fields[path].unique
    if code == "shared_value":
        return f"; the value is kept in {unique.overflow}" if unique and unique.overflow else ""
    kept = next((other for other, mapped in fields.items() if mapped.words_of == path), None)
    return f"; the source's words are kept in {kept}" if kept else ""


def _too_long(
    mapping: Mapping,
    record: StagedRecord,
    schema: DestinationSchema,
    capabilities: Capabilities,
    workspace: Path,
    connection: duckdb.DuckDBPyConnection,
) -> Iterator[Finding]:
    target = schema.object(record.object)
    for column in record.columns:
        field = target.field(column.path) if target else None
        created = mapping.records[record.record].fields[column.path].create
        longest = field.max_length if field else created and created.max_length
        limit = longest or capabilities.max_body_bytes // 2
        if column.type not in ("text", "rich_text", "json", "email", "phone", "url", "option"):
            continue
        longer = _longer(quoted(column.path), limit)
        ((count,),) = connection.execute(f"SELECT count(*) FROM {parquet(workspace / record.file)} WHERE {longer}").fetchall()
        if count:
            size = f"{limit / MIB:.1f} MiB" if limit >= MIB else f"{limit} characters"
            yield Finding(
                code="value_too_long", severity="blocking", object=record.object, field=column.path, count=count,
                examples=_examples(record, longer, workspace, connection),
                message=f"{count} {record.record} have a {column.path} longer than {size}, which the destination cannot hold.",
                remedy="Map this column to a longer field or a document, or shorten these cells in the source.",
            )  # fmt: skip


def _longer(cell: str, limit: int) -> str:
    """A condition: the text is longer than `limit` in UTF-16 units, as .NET and JavaScript count it, where an emoji is two.

    An emoji has three bytes more than it has characters, so that few texts have to be looked through.
    """
    emoji = rf"length(regexp_replace({cell}, '[^\x{{10000}}-\x{{10FFFF}}]', '', 'g'))"
    return f"""
        CASE WHEN length({cell}) > {limit} THEN true
            WHEN strlen({cell}) - length({cell}) < 3 * ({limit} + 1 - length({cell})) THEN false
            ELSE length({cell}) + {emoji} > {limit} END"""


def _options(
    mapping: Mapping, record: StagedRecord, schema: DestinationSchema, workspace: Path, connection: duckdb.DuckDBPyConnection
) -> Iterator[Finding]:
    """Option values the destination will not know once the plan is applied."""
    for column in record.columns:
        if column.type not in ("option", "options"):
            continue
        known = _known_options(mapping.records[record.record].fields[column.path], record.object, column.path, schema)
        value = f"unnest({quoted(column.path)})" if column.type == "options" else quoted(column.path)
        rows = connection.execute(
            f"SELECT v, count(*) FROM (SELECT {value} AS v FROM {parquet(workspace / record.file)}) GROUP BY 1"
        ).fetchall()
        unknown = {option: count for option, count in rows if option is not None and option not in known}
        if unknown:
            yield Finding(
                code="option_unknown", severity="blocking", object=record.object, field=column.path, count=sum(unknown.values()),
                message=f"{record.object}.{column.path} would get options it does not have: {', '.join(sorted(unknown)[:10])}.",
                remedy="Add them to `create: options` in mapping.yaml, or map them to options that exist.",
            )  # fmt: skip


def _known_options(mapped: FieldMapping, object_name: str, path: str, schema: DestinationSchema) -> set[str]:
    target = schema.object(object_name)
    field = target.field(path) if target else None
    created = {value for value, _ in mapped.create.options} if mapped.create else set[str]()
    return created | set(field.options if field else ())
