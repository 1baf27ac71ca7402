"""Profile: what the extracted rows look like, and what a person should know before mapping them (A4)."""

from pathlib import Path

import duckdb

from crosswalk.model.errors import RefusedError
from crosswalk.model.extraction import Extraction
from crosswalk.model.profile import FieldProfile, ObjectProfile, Profile, Relation
from crosswalk.model.source_schema import SourceSchema
from crosswalk.stages._profile_fields import field_profiles, stage_of
from crosswalk.stages._profile_findings import profile_findings
from crosswalk.stages._profile_relations import relations


def profile(
    schema: SourceSchema, extraction: Extraction, folder: Path, connection: duckdb.DuckDBPyConnection, country: str = "US"
) -> Profile:
    """Profile the Parquet stage in `folder`. `country` (ISO 3166 alpha-2) decides what reads as a phone number.

    Values appear only for enumerations that are not personal. Raises RefusedError when the extraction is of another schema.
    """
    if extraction.based_on.get("source_schema") != schema.digest():
        raise RefusedError("The extraction was made from another source schema", "Run `crosswalk scan` again.")
    pairs = [(item, extracted) for item in schema.objects if (extracted := extraction.object(item.name))]
    fields = {item.name: field_profiles(stage_of(item, extracted, folder), connection, country) for item, extracted in pairs}
    found = relations(schema, fields, folder, connection)
    objects = tuple(
        ObjectProfile(
            name=item.name,
            rows=extracted.rows,
            staged=extracted.staged,
            folded=extracted.folded,
            quarantined=extracted.quarantined,
            key=item.key,
            key_kind=item.key_kind,
            key_unique=extracted.folded == 0
            and not any(finding.object == item.name and finding.code == "blank_key" for finding in extraction.findings),
            fields=_without_keys(fields[item.name], found[item.name]),
            relations=found[item.name],
        )
        for item, extracted in pairs
    )
    return Profile(
        based_on={"source_schema": schema.digest(), "extraction": extraction.digest()},
        objects=objects,
        findings=(*extraction.findings, *profile_findings(schema, objects, folder, connection)),
    )


def _without_keys(fields: tuple[FieldProfile, ...], relations: tuple[Relation, ...]) -> tuple[FieldProfile, ...]:
    """A column that refers to records lists no values, however few: they are keys, perhaps patients' (law 8)."""
    referring = {relation.field for relation in relations}
    return tuple(field.model_copy(update={"values": ()}) if field.name in referring else field for field in fields)
