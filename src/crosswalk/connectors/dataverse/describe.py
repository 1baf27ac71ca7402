"""What an organisation holds, introspected: a list of tables, then all details in one `$batch` (facts/dataverse.md §6.10)."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any, cast

from crosswalk.connectors.dataverse.addresses import definition_path, with_query
from crosswalk.connectors.dataverse.client import DataverseClient
from crosswalk.connectors.dataverse.definition import entity_set_of, to_table
from crosswalk.connectors.dataverse.description import Description, Details, Raw, Table
from crosswalk.connectors.dataverse.errors import refusal
from crosswalk.connectors.dataverse.fields import to_object
from crosswalk.connectors.dataverse.multipart import PartAnswer
from crosswalk.connectors.dataverse.settling import STRONG
from crosswalk.model.destination_schema import DestinationObject, DestinationSchema
from crosswalk.model.errors import RejectedError, UnreachableError

STANDARD_TABLES = frozenset(
    {
        "account", "annotation", "appointment", "campaign", "campaignactivity", "campaignresponse", "competitor", "connection",
        "contact", "contract", "email", "entitlement", "fax", "incident", "invoice", "lead", "letter", "list", "opportunity",
        "phonecall", "product", "quote", "salesorder", "serviceappointment", "socialactivity", "task",
    }
)  # fmt: skip
"""Tables of the platform and of Dynamics 365 Sales that a migration may write, or whose rows may refer to what it wrote. Left out
are the platform's views of others (activitypointer, activityparty) and its book-keeping (customeraddress, asyncoperation …)."""
PRINCIPALS = frozenset({"systemuser", "team", "businessunit", "transactioncurrency"})
"""Referred to by every table, and never written."""
PRIVILEGE = "prvOverrideCreatedOnCreatedBy"
_LIST = "LogicalName,EntitySetName,IsCustomEntity,IsManaged,IsIntersect,IsPrivate,DataProviderId"
_DEFINITION = (
    "LogicalName,EntitySetName,PrimaryIdAttribute,MetadataId,IsCustomEntity,IsManaged,IsActivity,IsAuditEnabled,DisplayName"
)
_RELATIONSHIP = (
    "ReferencedEntity,ReferencingEntity,ReferencingAttribute,"
    "ReferencingEntityNavigationPropertyName,CascadeConfiguration,MetadataId"
)
_PARTS = 99
"""Questions in one request: definitions are slow to answer, and a batch has some minutes (§4.5)."""
_OPTION_KINDS = ("Picklist", "MultiSelectPicklist", "State", "Status")
_OPTIONS_QUERY = "?$select=LogicalName&$expand=OptionSet,GlobalOptionSet"
_AUTOMATIONS = "applicationid ne null or accessmode eq 3 or accessmode eq 4 or fullname eq 'SYSTEM' or fullname eq 'INTEGRATION'"
"""Application users, support and non-interactive users, and the platform's own two (§7, systemuser)."""


async def describe(client: DataverseClient) -> Description:
    """Read the schema: custom tables, the standard ones we know, and whatever else is custom and refers to these."""
    own_user = await client.own_user()
    listed = await _listed(client)
    wanted = sorted(name for name, item in listed.items() if _is_wanted(item))
    extra = _user_paths(own_user)
    answers = await client.read_many([*_paths_of(wanted), *extra], STRONG, _PARTS)
    users, privilege = answers[-2:]
    details = _details(wanted, answers[:-2])
    details |= await _referring_tables(client, listed, details)
    sets = {name: str(item["EntitySetName"]) for name, item in listed.items() if item.get("EntitySetName")}
    known = Description(
        schema=DestinationSchema(destination="dynamics", location=client.base_url, objects=()),
        tables={},
        entity_sets=sets,
        own_user=own_user,
        automations=_names(users),
        may_set_created_on=_holds(privilege),
    )
    return to_description(known, details)


async def redescribe(client: DataverseClient, known: Description, names: Iterable[str]) -> Description:
    """The schema with these tables read anew (in one request), new ones added and vanished ones left out."""
    wanted = sorted(set(names))
    answers = await client.read_many(_paths_of(wanted), STRONG, _PARTS)
    details = _details(wanted, answers)
    kept = {name: table.details for name, table in known.tables.items() if name not in wanted}
    sets = {name: held for name, held in known.entity_sets.items() if name not in wanted}
    sets |= {name: entity_set_of(held) for name, held in details.items()}
    tables: Mapping[str, Table] = known.tables if sets == known.entity_sets else {}  # lookups know their targets' entity sets
    return to_description(replace(known, entity_sets=sets, tables=tables), {**kept, **details})


def to_description(known: Description, details: Mapping[str, Details]) -> Description:
    """Tables and neutral schema from raw metadata, in the order of their names so that equal schemas are equal.

    A table depends on its own metadata and on which tables there are, so one that `known` already has is not made again.
    """
    described = frozenset(details)
    kept: Mapping[str, Table] = known.tables if described == frozenset(known.tables) else {}
    shown = {item.name: item for item in known.schema.objects}
    tables: dict[str, Table] = {}
    objects: list[DestinationObject] = []
    for name in sorted(details):
        same = name in kept and kept[name].details is details[name]
        tables[name] = table = kept[name] if same else to_table(details[name], known.entity_sets, described)
        objects.append(shown[name] if same else to_object(table, known.may_set_created_on, system=name in PRINCIPALS))
    return replace(known, tables=tables, schema=known.schema.model_copy(update={"objects": tuple(objects)}))


async def _listed(client: DataverseClient) -> dict[str, Raw]:
    """All tables of the organisation, by logical name."""
    try:
        content = await client.read_metadata("EntityDefinitions", {"$select": _LIST})
    except RejectedError as error:
        # Without the definitions nothing can be done here at all.
        remedy = error.remedy if error.code == "permission" else "Check that the address is a Dataverse organisation's."
        raise UnreachableError(error.message, remedy) from error
    return {str(item["LogicalName"]): item for item in cast(list[Raw], content["value"])}


def _is_wanted(item: Raw) -> bool:
    if item["LogicalName"] in STANDARD_TABLES | PRINCIPALS:
        return True
    return _is_custom(item) and not item.get("IsManaged")


def _is_custom(item: Raw) -> bool:
    """Custom, and with rows of its own: those of a virtual table are somebody else's (`DataProviderId`)."""
    hidden = item.get("IsIntersect") or item.get("IsPrivate") or item.get("DataProviderId") or not item.get("EntitySetName")
    return bool(item.get("IsCustomEntity")) and not hidden


async def _referring_tables(
    client: DataverseClient, listed: Mapping[str, Raw], details: Mapping[str, Details]
) -> dict[str, Details]:
    """Custom tables of installed applications whose lookups point to the tables we know: rows may hang on ours there."""
    found = {
        str(relationship["ReferencingEntity"])
        for name, held in details.items()
        if name not in PRINCIPALS
        for relationship in held.one_to_many
    }
    missing = sorted(name for name in found - set(details) if name in listed and _is_custom(listed[name]))
    return _details(missing, await client.read_many(_paths_of(missing), STRONG, _PARTS))


def _paths_of(names: Sequence[str]) -> list[str]:
    return [path for name in names for path in _table_paths(name)]


def _table_paths(name: str) -> Iterator[str]:
    """What is asked about one table, in the order of Details' fields."""
    base = definition_path(name)
    yield f"{base}?$select={_DEFINITION}"
    yield f"{base}/Attributes"
    for kind in _OPTION_KINDS:
        yield f"{base}/Attributes/Microsoft.Dynamics.CRM.{kind}AttributeMetadata{_OPTIONS_QUERY}"
    yield f"{base}/Keys"
    yield f"{base}/ManyToOneRelationships?$select={_RELATIONSHIP}"
    if name not in PRINCIPALS:
        yield f"{base}/OneToManyRelationships?$select={_RELATIONSHIP}"


def _details(names: Sequence[str], answers: Sequence[PartAnswer]) -> dict[str, Details]:
    """Raw metadata by table; a table that is not there (any more) is left out."""
    remaining = iter(answers)
    details: dict[str, Details] = {}
    for name in names:
        mine = [next(remaining) for _ in _table_paths(name)]
        if mine[0].status == 404:
            continue
        definition, attributes, *rest = [_content(answer, name) for answer in mine]
        options = [item for held in rest[: len(_OPTION_KINDS)] for item in _values(held)]
        keys, many_to_one, *one_to_many = (_values(held) for held in rest[len(_OPTION_KINDS) :])
        details[name] = Details(
            definition=cast(Raw, definition),
            attributes=_values(attributes),
            options=tuple(options),
            keys=keys,
            many_to_one=many_to_one,
            one_to_many=one_to_many[0] if one_to_many else (),
        )
    return details


def _content(answer: PartAnswer, name: str) -> Any:
    if not answer.ok:
        raise refusal(answer, f"GET EntityDefinitions({name})")
    return answer.json()


def _values(content: Any) -> tuple[Raw, ...]:
    return tuple(cast(list[Raw], content["value"]))


def _user_paths(own_user: str) -> tuple[str, str]:
    users = with_query("systemusers", {"$select": "systemuserid,fullname", "$filter": _AUTOMATIONS})
    function = f"Microsoft.Dynamics.CRM.RetrieveUserPrivilegeByPrivilegeName(PrivilegeName='{PRIVILEGE}')"
    return users, f"systemusers({own_user})/{function}"


def _names(answer: PartAnswer) -> dict[str, str]:
    return {str(item["systemuserid"]): str(item.get("fullname") or "") for item in _values(_content(answer, "systemuser"))}


def _holds(answer: PartAnswer) -> bool:
    """A server that cannot tell is taken to say no: original times are then kept in columns of their own (§3.6)."""
    return answer.ok and bool(cast(Raw, answer.json() or {}).get("RolePrivileges"))
