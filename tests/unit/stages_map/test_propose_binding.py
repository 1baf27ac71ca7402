"""propose: the shipped map bound to the export that is really there, and what it says of the rest (B1, B3)."""

from pathlib import Path
from typing import Any

import pytest
from map_world import Plain, made

from crosswalk.model.errors import UsageError
from crosswalk.model.mapping import Mapping, Settings
from crosswalk.model.profile import FieldProfile, ObjectProfile, Profile
from crosswalk.model.source_schema import SourceField, SourceFile, SourceObject, SourceSchema
from crosswalk.stages.propose import propose
from crosswalk.store.mapping_file import mapping_text, read_mapping

FILE = SourceFile(path="x.csv", sha256="0", size=1)
TEXT = made("text")
Export = dict[str, dict[str, str | None]]
"""Object → header → concept; None for a header nobody knows. The first column is the key."""


def source(export: Export) -> SourceSchema:
    """An export with these headers."""
    objects = tuple(
        SourceObject(
            name=name, files=(FILE,), key=(next(iter(headers)),),
            fields=tuple(SourceField(name=header, concept=concept) for header, concept in headers.items()),
        )
        for name, headers in export.items()
    )  # fmt: skip
    return SourceSchema(source="pulse", location="here", objects=objects)


def profiled(schema: SourceSchema, dates: dict[str, str] | None = None) -> Profile:
    """A profile in which every column but `Empty` is filled; `dates` are column → order."""
    orders = dates or {}

    def column(name: str) -> FieldProfile:
        return FieldProfile(name=name, type="text", filled=int(name != "Empty"), distinct=1, date_order=orders.get(name))

    objects = tuple(
        ObjectProfile(
            name=item.name, rows=1, staged=1, folded=0, quarantined=0, key=item.key, key_kind="source", key_unique=True,
            fields=tuple(column(one.name) for one in item.fields),
        )
        for item in schema.objects
    )  # fmt: skip
    return Profile(objects=objects)


def proposed(
    records: Plain, export: Export, values: dict[str, list[str]] | None = None, dates: dict[str, str] | None = None, **more: Any
) -> Mapping:
    """The map for an export; `values` are header → distinct values."""
    schema = source(export)
    shipped: Plain = {"version": 1, "source": "pulse", "destination": "d", "sample_root": "people", "records": records, **more}
    known = values or {}
    return propose(shipped, schema, profiled(schema, dates), Settings(currency="INR"), lambda _name, column: known.get(column, []))


PATIENTS: Export = {
    "patients": {"Id": "patient.id", "Full Name": "patient.name", "Kind": "patient.type", "Shoe": None, "Empty": None}
}


def people(fields: Plain, **record: Any) -> Plain:
    """A shipped record of people."""
    return {"people": {"to": "people", "from": "patients", **record, "fields": fields}}


NAME: Plain = {"name": {"from": "patient.name"}}


def test_concepts_become_the_headers_that_are_there() -> None:
    """In columns, templates, expressions, filters, keys, joins and gathers alike."""
    export: Export = {
        "patients": {"Id": "patient.id", "Name [full]": "patient.name", "Ä.Art": "patient.type"},
        "visits": {"V": "visit.id", "Who": "visit.patient", "When": "visit.day"},
    }
    fields: Plain = {
        "a": {"from": "patient.name"},
        "b": {"template": "<{patient.name}>[ {last.visit.day}]"},
        "c": {"expression": "\"patient.type\" || 'x'"},
        "d": {
            "gather": {"from": "visits", "match": {"visit.patient": "patient.id"}, "order": ["visit.day"], "lines": "{visit.day}"}
        },
    }
    joins = {"last": {"from": "visits", "match": {"visit.patient": "patient.id"}, "order": ["visit.day"]}}
    record = proposed(people(fields, where="\"patient.type\" = 'p'", key=["patient.id"], joins=joins), export).records["people"]
    assert record.where == "\"Ä.Art\" = 'p'"
    assert record.key == ("Id",)
    assert record.joins["last"].match == {"Who": "Id"} and record.joins["last"].order == ("When",)
    assert record.fields["a"].from_ == "Name [full]"
    assert record.fields["b"].template == "<{Name [full]}>[ {last.When}]"
    assert record.fields["c"].expression == "\"Ä.Art\" || 'x'"
    gather = record.fields["d"].gather
    assert gather and (gather.match, gather.order, gather.lines) == ({"Who": "Id"}, ("When",), "{When}")


def test_what_the_export_lacks_is_left_out_and_noted() -> None:
    """Optional parts vanish quietly, fields and joins are noted, none of it fails."""
    fields: Plain = {
        **NAME,
        "shoe": {"from": "patient.shoe"},
        "both": {"template": "{patient.name}[ {patient.shoe}]"},
        "kin": {"from": "form.intake.kin"},
        "other": {"template": "{patient.shoe}", "fallback": "{patient.name}"},
    }
    mapping = proposed(people(fields, joins={"form": {"from": "forms", "match": {"intake.patient": "patient.id"}}}), PATIENTS)
    record = mapping.records["people"]
    assert list(record.fields) == ["name", "both", "other"]
    assert record.fields["both"].template == "{Full Name}" == record.fields["other"].template
    assert any("shoe, kin" in note for note in mapping.notes)
    assert any("nothing joined from forms" in note for note in mapping.notes)


def test_a_gather_goes_without_the_join_the_export_lacks() -> None:
    """The lines are kept; only what the joined object would have told is missing."""
    export: Export = {**PATIENTS, "drugs": {"D": "drug.id", "P": "drug.patient", "Doc": "drug.doctor"}}
    joins = {"by": {"from": "doctors", "match": {"doctor.id": "drug.doctor"}}}
    gather = {"from": "drugs", "match": {"drug.patient": "patient.id"}, "joins": joins, "lines": "{drug.id}[ by {by.doctor.name}]"}
    bound = proposed(people({"drugs": {"gather": gather}}), export).records["people"].fields["drugs"].gather
    assert bound and (bound.lines, bound.joins) == ("{D}", {})


VARIANTS: Plain = {
    "people@files": {"to": "people", "from": "persons", "fields": NAME},
    "people@flags": {"to": "people", "from": "patients", "fields": NAME},
    "people@never": {"to": "people", "from": "patients", "fields": {}},
}


def test_the_first_variant_that_fits_is_taken_and_the_others_are_not_missed() -> None:
    """Only where no variant fits does a person hear of it."""
    mapping = proposed(VARIANTS, PATIENTS)
    assert mapping.records["people"].from_ == "patients"
    assert list(mapping.records["people"].fields) == ["name"]
    assert not any("not migrated" in note for note in mapping.notes)
    assert any("not migrated" in note for note in proposed(VARIANTS, {"others": {"Id": None}}).notes)


def test_a_field_has_variants_too() -> None:
    """The first whose source exists."""
    fields: Plain = {"name": {"from": "patient.shoe"}, "name@parts": {"from": "patient.name"}, "name@never": {"constant": "x"}}
    mapping = proposed(people(fields), PATIENTS)
    assert mapping.records["people"].fields["name"].from_ == "Full Name"
    assert mapping.notes == ()


@pytest.mark.parametrize(
    ("where", "kept"),
    [("lower(\"patient.flag\") = 'clinic'", False), ('"patient.flag" IS NULL OR "patient.flag" = \'p\'', True)],
)
def test_a_filter_by_a_column_that_is_not_there_is_settled_by_blanks(where: str, kept: bool) -> None:
    """Without a type column every row is a patient, and none of them may become a clinic."""
    mapping = proposed(people(NAME, where=where), PATIENTS)
    assert ("people" in mapping.records) == kept
    assert not kept or mapping.records["people"].where is None


def chain(required: bool) -> Plain:
    """People of doctors of clinics, of which the export has none."""
    needed = {"required": True}
    return {
        **people({**NAME, "doctorId": {"lookup": "doctors", "from": "patient.type", "required": required}}),
        "doctors": {"to": "d", "from": "patients", "fields": {"clinicId": {"lookup": "clinics", "from": "patient.type", **needed}}},
        "clinics": {"to": "c", "from": "clinics", "fields": NAME},
    }  # fmt: skip


@pytest.mark.parametrize("required", [True, False])
def test_a_lookup_of_nothing_takes_what_needs_it_along(required: bool) -> None:
    """Required references take their record, the rest of the chain too; optional ones only their field. All of it is noted."""
    mapping = proposed(chain(required), PATIENTS)
    assert list(mapping.records) == ([] if required else ["people"])
    assert required or list(mapping.records["people"].fields) == ["name"]
    assert sum("doctors" in note or "clinics" in note for note in mapping.notes) >= 3 - required


def test_a_missing_required_field_takes_the_record() -> None:
    """A record that could only be rejected is not proposed."""
    mapping = proposed(people({**NAME, "shoe": {"from": "patient.shoe", "required": True}}), PATIENTS)
    assert not mapping.records
    assert any("patient.shoe" in note for note in mapping.notes)


def test_every_source_column_is_used_a_key_or_listed() -> None:
    """Nothing goes nowhere in silence: not a column of a record that is switched off, nor the key of an object nobody reads."""
    export: Export = {**PATIENTS, "labs": {"Lab": None, "Result": None}, "drugs": {"D": "drug.id", "By": "drug.by"}}
    off: Plain = {"drugs": {"to": "drugs", "from": "drugs", "enabled": False, "fields": {"by": {"from": "drug.by"}}}}
    mapping = proposed({**people({**NAME, "gone": {"from": "patient.type", "beside": "nothing"}}), **off}, export)
    assert {(item.object, item.field, item.reason.startswith("empty")) for item in mapping.unmapped} == {
        ("patients", "Kind", False), ("patients", "Shoe", False), ("patients", "Empty", True),
        ("labs", "Lab", False), ("labs", "Result", False), ("drugs", "D", False), ("drugs", "By", False),
    }  # fmt: skip


def kinds(values: list[str], **mapped: Any) -> Mapping:
    """People with a value map made from the values of Kind."""
    create = made(mapped.pop("type", "option"), options="auto")
    return proposed(
        people({"kind": {"from": "patient.type", "values": "auto", "create": create, **mapped}}), PATIENTS, {"Kind": values}
    )


def test_a_value_map_is_made_from_the_values_that_are_there() -> None:
    """Each value becomes an UPPER_SNAKE option labelled as written."""
    field = kinds(["No show", "booked", "2nd visit", "अनुवर्ती"]).records["people"].fields["kind"]
    assert field.values and list(field.values) == ["No show", "booked", "2nd visit", "अनुवर्ती"]
    assert field.values["No show"] == "NO_SHOW" and field.values["2nd visit"] == "V_2ND_VISIT"
    assert field.create and [label for _, label in field.create.options] == ["No show", "booked", "2nd visit", "अनुवर्ती"]


AWKWARD = [
    ["a,b", "a b", "A B", "a-b"], ["x" * 100, "x" * 101], ["A+", "A-", "a plus"], [",", "ok"], ["Open", "open", "OPEN"],
    ["é", "e", "É"], [f"{'y' * 62},{n}" for n in range(12)], ["a_b", "A b ", "a  b"],
]  # fmt: skip


@pytest.mark.parametrize("values", AWKWARD, ids=str)
def test_options_are_what_twenty_takes(values: list[str]) -> None:
    """Labels of at most 63 characters without comma, different from each other; values UPPER_SNAKE (facts/twenty.md §8)."""
    field = kinds(values).records["people"].fields["kind"]
    assert field.create and field.values
    labels, options = [label for _, label in field.create.options], [option for option, _ in field.create.options]
    assert all(label.strip() and len(label) <= 63 and "," not in label for label in labels)
    assert len({label.lower() for label in labels}) == len(labels) and len(set(options)) == len(options)
    assert set(field.values) == {value.strip() for value in values}
    assert set(field.values.values()) == set(options)


@pytest.mark.parametrize(("type", "becomes"), [("option", "text"), ("options", "list")])
def test_a_column_with_too_many_values_becomes_text(type: str, becomes: str) -> None:
    """A list of options nobody could read is no list of options."""
    field = kinds([], type=type).records["people"].fields["kind"]
    assert field.values is None
    assert field.create and (field.create.type, field.create.options) == (becomes, ())


def test_inferred_date_orders_are_shown_and_open_ones_noted() -> None:
    """Year-first columns need no word; what could not be decided is a question to the person."""
    mapping = proposed(people(NAME), PATIENTS, dates={"Full Name": "dmy", "Kind": "ymd", "Shoe": "unknown", "Empty": "mdy"})
    assert mapping.date_orders == {"patients": {"Full Name": "dmy", "Empty": "mdy"}}
    assert [note for note in mapping.notes if "patients.Shoe" in note]


def test_a_currency_is_the_clinics() -> None:
    """`@currency` stands for the setting."""
    assert proposed(people({"c": {"constant": "@currency"}}), PATIENTS).records["people"].fields["c"].constant == "INR"


def test_only_bound_fields_match() -> None:
    """Rows cannot be recognised by a field the export does not fill."""
    record = proposed(people(NAME, match={"by": ["name", "email"]}), PATIENTS).records["people"]
    assert record.match and record.match.by == ("name",)


def test_a_header_that_a_template_cannot_name_is_no_crash() -> None:
    """Braces in a header: the template is left out and the column listed."""
    mapping = proposed(people({"a": {"template": "{patient.name}"}}), {"patients": {"Id": "patient.id", "{Name}": "patient.name"}})
    assert mapping.records["people"].fields == {}
    assert [item.field for item in mapping.unmapped] == ["{Name}"]


def test_a_shipped_map_that_is_wrong_is_named() -> None:
    """A typing error in the shipped map is a UsageError with its place."""
    with pytest.raises(UsageError, match=r"the shipped map: records\.people\.fields\.name\.colour"):
        proposed(people({"name": {"from": "patient.name", "colour": "red"}}), PATIENTS)


def test_the_proposed_map_is_the_map_that_is_read(tmp_path: Path) -> None:
    """Written for a person and read back, its digest is the same; what it was based on is not part of the file."""
    mapping = kinds(["No show", "yes", "1", "a: b"])
    (tmp_path / "mapping.yaml").write_text(mapping_text(mapping), encoding="utf-8")
    assert read_mapping(tmp_path / "mapping.yaml").digest() == mapping.model_copy(update={"based_on": {}}).digest()
    assert set(mapping.based_on) == {"source_schema", "profile"}
