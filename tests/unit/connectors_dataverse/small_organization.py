"""A small organisation's metadata in the shapes that the Web API answers in (facts/dataverse.md §3.5, §6, §7)."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from crosswalk.connectors.dataverse.describe import to_description
from crosswalk.connectors.dataverse.description import Description, Details, Raw
from crosswalk.model.destination_schema import DestinationSchema

OWN_USER = "00000000-0000-0000-0000-0000000000aa"
SYSTEM_USER = "00000000-0000-0000-0000-0000000000bb"


def label(text: str) -> dict[str, Any]:
    localized = {"Label": text, "LanguageCode": 1033}
    return {"LocalizedLabels": [localized], "UserLocalizedLabel": localized}


def attribute(name: str, kind: str, **more: Any) -> dict[str, Any]:
    """An attribute; `create`, `update` say whether it can be written."""
    return {
        "@odata.type": f"#Microsoft.Dynamics.CRM.{kind}AttributeMetadata",
        "LogicalName": name,
        "SchemaName": more.pop("schema", name),
        "AttributeType": "Virtual" if kind in {"MultiSelectPicklist", "File"} else kind,
        "AttributeTypeName": {"Value": f"{kind}Type"},
        "RequiredLevel": {"Value": more.pop("required", "None")},
        "IsValidForCreate": more.pop("create", True),
        "IsValidForUpdate": more.pop("update", True),
        "IsValidForRead": True,
        "IsCustomAttribute": name.startswith("pulse_"),
        "DisplayName": label(name.title()),
        "MetadataId": f"id-{name}",
        **more,
    }


def text(name: str, length: int = 100, form: str = "Text", **more: Any) -> dict[str, Any]:
    return attribute(name, "String", MaxLength=length, FormatName={"Value": form}, **more)


def moment(name: str, behavior: str = "UserLocal", **more: Any) -> dict[str, Any]:
    return attribute(name, "DateTime", DateTimeBehavior={"Value": behavior}, **more)


def choice(
    name: str, options: Mapping[int, str | tuple[str, str] | Mapping[str, Any]], *, in_global: bool = False
) -> dict[str, Any]:
    """A choice column as the typed cast answers it; an option is a label, (label, description) or a raw option."""
    listed: list[dict[str, Any]] = []
    for value, held in options.items():
        if isinstance(held, str):
            listed.append({"Value": value, "Label": label(held), "Description": label("")})
        elif isinstance(held, tuple):
            listed.append({"Value": value, "Label": label(held[0]), "Description": label(held[1])})
        else:
            listed.append({"Value": value, "Description": None, **held})
    sets = {"OptionSet": None, "GlobalOptionSet": {"Options": listed}} if in_global else {"OptionSet": {"Options": listed}}
    return {"LogicalName": name, **sets}


def relationship(child: str, column: str, parent: str, navigation: str, delete: str = "RemoveLink") -> dict[str, Any]:
    return {
        "SchemaName": f"{parent}_{child}_{column}",
        "ReferencedEntity": parent,
        "ReferencedAttribute": f"{parent}id",
        "ReferencingEntity": child,
        "ReferencingAttribute": column,
        "ReferencingEntityNavigationPropertyName": navigation,
        "CascadeConfiguration": {"Delete": delete, "Assign": "NoCascade"},
        "MetadataId": f"id-{child}-{column}-{parent}",
        "IsCustomRelationship": column.startswith("pulse_"),
    }


def details(
    name: str, entity_set: str, primary_id: str, attributes: list[Raw], *,
    options: tuple[Raw, ...] = (), keys: tuple[Raw, ...] = (),
    lookups: tuple[Raw, ...] = (), children: tuple[Raw, ...] = (), **more: Any,
) -> Details:  # fmt: skip
    definition = {
        "LogicalName": name,
        "EntitySetName": entity_set,
        "PrimaryIdAttribute": primary_id,
        "PrimaryNameAttribute": "name",
        "MetadataId": f"id-{name}",
        "IsCustomEntity": name.startswith("pulse_"),
        "IsActivity": False,
        "OwnershipType": "UserOwned",
        "DisplayName": label(name.title()),
        **more,
    }
    shared: list[Raw] = [
        attribute(primary_id, "Uniqueidentifier", required="SystemRequired", update=False),
        attribute("ownerid", "Owner", required="SystemRequired", Targets=["systemuser", "team"]),
        attribute("createdby", "Lookup", create=False, update=False, Targets=["systemuser"]),
        attribute("createdbyname", "String", create=False, update=False, AttributeOf="createdby"),
        moment("createdon", create=False, update=False),
        moment("modifiedon", create=False, update=False),
        moment("overriddencreatedon", update=False, Format="DateOnly"),
        attribute("importsequencenumber", "Integer", update=False),
        attribute("versionnumber", "BigInt", create=False, update=False),
    ]
    stamped = relationship(name, "createdby", "systemuser", "createdby")
    return Details(definition, (*shared, *attributes), options, keys, (stamped, *lookups), children)


STATES = {0: {"Label": label("Open"), "DefaultStatus": 1}, 1: {"Label": label("Completed"), "DefaultStatus": 3}}
STATUSES = {
    1: {"Label": label("Free"), "State": 0},
    3: {"Label": label("Completed"), "State": 1},
    6: {"Label": label("Out of Office"), "State": 0},
}

CONTACT = details(
    "contact", "contacts", "contactid",
    [
        text("lastname", 50, required="ApplicationRequired"),
        text("fullname", 160, create=False, update=False),
        text("emailaddress1", 100, "Email"),
        text("telephone1", 50, "Phone"),
        text("websiteurl", 200, "Url"),
        attribute("description", "Memo", MaxLength=2000, Format="TextArea"),
        moment("birthdate", "DateOnly"),
        attribute("gendercode", "Picklist"),
        attribute("gendercodename", "Virtual", create=False, update=False, AttributeOf="gendercode"),
        attribute("donotemail", "Boolean"),
        attribute("numberofchildren", "Integer"),
        attribute("creditlimit", "Money", Precision=2),
        attribute("address1_latitude", "Double", Precision=5),
        attribute("pulse_dose", "Decimal", Precision=4),
        attribute("pulse_conditions", "MultiSelectPicklist"),
        attribute("pulse_scan", "File"),
        text("pulse_sourcesystemid", 100),
        attribute("parentcustomerid", "Customer", Targets=["account", "contact"]),
        attribute("accountid", "Lookup", create=False, update=False, Targets=["account"]),
    ],
    options=(
        choice("gendercode", {1: "Male", 2: "Female"}),
        choice(
            "pulse_conditions",
            {727000002: ("A+", "A_POSITIVE"), 727000000: "A", 727000001: ("A-", "not a symbol")},
            in_global=True,
        ),
    ),
    keys=({"LogicalName": "pulse_sourcekey", "KeyAttributes": ["pulse_sourcesystemid"], "EntityKeyIndexStatus": "Active"},),
    lookups=(
        relationship("contact", "parentcustomerid", "account", "parentcustomerid_account"),
        relationship("contact", "parentcustomerid", "contact", "parentcustomerid_contact"),
        relationship("contact", "accountid", "account", "accountid"),
    ),
    children=(relationship("appointment", "regardingobjectid", "contact", "regardingobjectid_contact_appointment", "Cascade"),),
)  # fmt: skip
ACCOUNT = details("account", "accounts", "accountid", [text("name", 160, required="ApplicationRequired")])
APPOINTMENT = details(
    "appointment", "appointments", "activityid",
    [
        text("subject", 200),
        moment("scheduledstart"),
        attribute("regardingobjectid", "Lookup", Targets=["account", "contact", "lead"]),
        attribute("requiredattendees", "PartyList", Targets=["account", "contact", "queue", "systemuser"]),
        attribute("organizer", "PartyList", Targets=["systemuser"]),
        attribute("statecode", "State", create=False, required="SystemRequired"),
        attribute("statuscode", "Status"),
    ],
    options=(choice("statecode", STATES), choice("statuscode", STATUSES)),
    lookups=(
        relationship("appointment", "regardingobjectid", "contact", "regardingobjectid_contact_appointment"),
        relationship("appointment", "regardingobjectid", "account", "regardingobjectid_account_appointment"),
        relationship("appointment", "regardingobjectid", "lead", "regardingobjectid_lead_appointment"),
    ),
    IsActivity=True,
)  # fmt: skip
NOTE = details(
    "annotation", "annotations", "annotationid",
    [
        text("subject", 500),
        attribute("documentbody", "String", MaxLength=1073741823),
        text("filename", 255),
        text("mimetype", 256),
        attribute("filesize", "Integer", create=False, update=False),
        attribute("isdocument", "Boolean"),
        attribute("objectid", "Lookup", Targets=["contact"]),
    ],
    lookups=(relationship("annotation", "objectid", "contact", "objectid_contact"),),
)  # fmt: skip
PRESCRIPTION = details(
    "pulse_prescription", "pulse_prescriptions", "pulse_prescriptionid",
    [
        text("pulse_name", 850, required="SystemRequired"),
        attribute("pulse_patientid", "Lookup", schema="pulse_PatientId", Targets=["contact"]),
    ],
    lookups=(relationship("pulse_prescription", "pulse_patientid", "contact", "pulse_PatientId"),),
)  # fmt: skip
USER = details("systemuser", "systemusers", "systemuserid", [text("internalemailaddress", 100, "Email")])
TABLES = {str(item.definition["LogicalName"]): item for item in (CONTACT, ACCOUNT, APPOINTMENT, NOTE, PRESCRIPTION, USER)}
SETS = {name: str(item.definition["EntitySetName"]) for name, item in TABLES.items()} | {"lead": "leads", "team": "teams"}


def organization(*, may_set_created_on: bool = True) -> Description:
    """The description of it all."""
    empty = Description(
        schema=DestinationSchema(destination="dynamics", location="https://clinic.test", objects=()),
        tables={},
        entity_sets=SETS,
        own_user=OWN_USER,
        automations={SYSTEM_USER: "SYSTEM"},
        may_set_created_on=False,
    )
    return to_description(replace(empty, may_set_created_on=may_set_created_on), TABLES)
