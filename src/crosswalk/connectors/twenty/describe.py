"""What a Twenty workspace holds, introspected: objects, fields and where relations lead (facts/twenty.md §8).

The REST metadata answer names a relation's join column but not its target; that comes from GraphQL on /metadata, and
where a server does not tell, from the names of the objects.
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, cast

from crosswalk.connectors.twenty.client import TwentyClient, first_list, next_cursor
from crosswalk.connectors.twenty.fields import COMPOSITES, SIMPLE, UNIQUE_PARTS
from crosswalk.kit.paging import Page, pages
from crosswalk.model.destination_schema import DestinationField, DestinationObject, DestinationSchema, FieldType
from crosswalk.model.errors import RejectedError, UnreachableError

Raw = Mapping[str, Any]

OBJECTS_PATH = "/rest/metadata/objects"
_COMPUTED = frozenset({"id", "position", "searchVector", "deletedAt", "createdAt", "updatedAt"})
_NOT_WRITABLE = frozenset({"searchVector", "deletedAt"})
_RELATION_TYPES = frozenset({"RELATION", "MORPH_RELATION"})
_MEMBER_NAMES = frozenset({"assignee", "owner", "accountOwner", "author", "createdByMember"})
_RELATIONS_QUERY = """
query Relations($after: ConnectionCursor) {
  objects(paging: {first: 1000, after: $after}) {
    edges { node { id fieldsList {
      id
      relation { type targetObjectMetadata { id } }
      morphRelations { type sourceFieldMetadata { id } targetObjectMetadata { id } }
    } } }
    pageInfo { hasNextPage endCursor }
  }
}"""


@dataclass(frozen=True, slots=True)
class Description:
    """A workspace's schema in neutral form, beside the raw metadata (ids, settings) that changing it needs."""

    schema: DestinationSchema
    raw: Mapping[str, Raw]
    """Every object's metadata by plural name, deactivated ones included."""
    targets: Mapping[str, str]
    """Relation field id → target object id, as far as the server tells."""

    def object(self, plural: str) -> DestinationObject:
        """The active object of that name. RejectedError when there is none."""
        item = self.schema.object(plural)
        if item is None:
            raise RejectedError(
                f"Twenty has no active object “{plural}”.", "unknown_object", "Apply the schema plan, then try again."
            )
        return item

    def raw_field(self, plural: str, name: str) -> Raw | None:
        """A field's metadata by its own name (`patient`, not `patientId`), or None."""
        return next((field for field in raw_fields(self.raw.get(plural, {})) if field.get("name") == name), None)


async def describe(client: TwentyClient) -> Description:
    """Read the whole schema."""
    objects = [item async for page in pages(lambda cursor: _objects_page(client, cursor)) for item in page]
    return to_description(objects, await _relation_targets(client), client.base_url)


async def redescribe(client: TwentyClient, known: Description, plural: str) -> Description:
    """The schema with one object read anew; what else is known is taken as it was."""
    content = await client.read_metadata(f"{OBJECTS_PATH}/{known.raw[plural]['id']}")
    held = cast(Raw, content).get("data")
    item = cast(Raw, cast(Raw, held).get("object") or held) if isinstance(held, Mapping) else cast(Raw, content)
    return to_description({**known.raw, plural: item}.values(), known.targets, client.base_url)


async def _objects_page(client: TwentyClient, cursor: str | None) -> Page[Raw]:
    try:
        content = await client.read_metadata(OBJECTS_PATH, {"starting_after": cursor} if cursor else None)
    except RejectedError as error:
        # Without the schema nothing can be done here at all: no Twenty server, or a key that may not see the data model.
        remedy = error.remedy if error.code == "permission" else "Check that the address is a Twenty server's."
        raise UnreachableError(error.message, remedy) from error
    return Page(objects_of(content), next_cursor(content) if isinstance(content, Mapping) else None)  # pyright: ignore[reportUnknownArgumentType]


def objects_of(content: Any) -> list[Raw]:
    """The objects of a listing in either answer format: `{data: [...]}`, `{data: {objects: [...]}}` or a bare list."""
    if isinstance(content, list):
        return cast(list[Raw], content)
    data = content.get("data")
    return cast(list[Raw], data if isinstance(data, list) else first_list(data))


def raw_fields(item: Raw) -> Iterator[Raw]:
    """The fields of an object's metadata, listed plainly or as a GraphQL connection."""
    held: Any = item.get("fields") or item.get("fieldsList") or ()
    if isinstance(held, Mapping):
        edges = cast(list[Raw], cast(Raw, held).get("edges") or [])
        yield from (cast(Raw, edge["node"]) for edge in edges)
    else:
        yield from cast(list[Raw], held)


async def _relation_targets(client: TwentyClient) -> dict[str, str]:
    """Field id → target object id, of every many-to-one relation that the server tells; empty when it does not."""
    targets: dict[str, str] = {}
    after: str | None = None
    while True:
        try:
            data = await client.query("/metadata", _RELATIONS_QUERY, {"after": after})
        except RejectedError:
            return targets
        listing = cast(Raw, data.get("objects") or {})
        for edge in cast(list[Raw], listing.get("edges") or []):
            for field in raw_fields(cast(Raw, edge["node"])):
                targets.update(told_targets(field))
        after = next_cursor(listing)
        if after is None:
            return targets


def told_targets(field: Raw) -> Iterator[tuple[str, str]]:
    """(field id, target object id) pairs that one field's metadata tells."""
    relation = cast(Raw | None, field.get("relation"))
    if relation:
        yield str(field["id"]), str(relation["targetObjectMetadata"]["id"])
    for part in cast(list[Raw], field.get("morphRelations") or []):
        yield str(part["sourceFieldMetadata"]["id"]), str(part["targetObjectMetadata"]["id"])


def to_description(objects: Iterable[Raw], targets: Mapping[str, str], location: str) -> Description:
    """Neutral schema from raw metadata: active objects and fields, sorted by name so that equal schemas are equal."""
    raw = {str(item["namePlural"]): item for item in objects}
    names = _Names(raw)
    active = [raw[plural] for plural in sorted(raw) if raw[plural].get("isActive", True)]
    neutral = tuple(_object(item, names, targets) for item in active)
    return Description(DestinationSchema(destination="twenty", location=location, objects=neutral), raw, targets)


class _Names:
    """How objects are found by id and by name, and which application owns the standard ones."""

    def __init__(self, raw: Mapping[str, Raw]) -> None:
        self.plural_of_id = {str(item.get("id")): plural for plural, item in raw.items()}
        self.plural_of_singular = {str(item.get("nameSingular")): plural for plural, item in raw.items()}
        member = raw.get("workspaceMembers") or raw.get("people") or {}
        self.standard_application = member.get("applicationId")

    def is_custom(self, item: Raw) -> bool:
        """`isCustom` where the server says it (older ones), else: not owned by the standard application."""
        if "isCustom" in item:
            return bool(item["isCustom"])
        owner = item.get("applicationId")
        return owner is not None and self.standard_application is not None and owner != self.standard_application

    def target(self, field: Raw, join_column: str, targets: Mapping[str, str]) -> str | None:
        """The plural name of the object a join column points to: told, else read off its name."""
        told = targets.get(str(field.get("id"))) or dict(told_targets(field)).get(str(field.get("id")))
        if told is not None:
            return self.plural_of_id.get(told)
        stem = join_column.removesuffix("Id")
        bare = stem.removeprefix("target")
        for name in (stem, bare[:1].lower() + bare[1:]):
            if name in self.plural_of_singular:
                return self.plural_of_singular[name]
        return "workspaceMembers" if stem in _MEMBER_NAMES else None


def _object(item: Raw, names: _Names, targets: Mapping[str, str]) -> DestinationObject:
    leaves = (leaf for field in raw_fields(item) if field.get("isActive", True) for leaf in _leaves(field, names, targets))
    return DestinationObject(
        name=str(item["namePlural"]),
        singular=str(item["nameSingular"]),
        label=str(item.get("labelSingular") or ""),
        custom=names.is_custom(item),
        system=bool(item.get("isSystem")),
        fields=tuple(sorted(leaves, key=lambda leaf: leaf.path)),
    )


def _leaves(field: Raw, names: _Names, targets: Mapping[str, str]) -> Iterator[DestinationField]:
    name, kind = str(field["name"]), str(field["type"])
    common: dict[str, Any] = {
        "label": str(field.get("label") or ""),
        "custom": names.is_custom(field),
        "writable": name not in _NOT_WRITABLE,
        "computed": name in _COMPUTED,
        "required": _is_required(field),
    }
    if kind in _RELATION_TYPES:
        settings = cast(Raw, field.get("settings") or {})
        join_column = settings.get("joinColumnName")
        if settings.get("relationType") == "MANY_TO_ONE" and join_column:
            target = names.target(field, str(join_column), targets)
            yield DestinationField(path=str(join_column), type="reference", to_object=target, **common)
    elif kind in COMPOSITES:
        if name == "updatedBy":
            common |= {"writable": False, "computed": True}
        for part in COMPOSITES[kind]:
            unique = bool(field.get("isUnique")) and UNIQUE_PARTS.get(kind) == part.name
            yield DestinationField(path=f"{name}.{part.name}", type=part.type, unique=unique, **common)
    else:
        unique = bool(field.get("isUnique")) or name == "id"
        options = tuple(str(option["value"]) for option in cast(list[Raw], field.get("options") or []))
        yield DestinationField(path=name, type=_simple_type(kind, field), unique=unique, options=options, **common)


def _simple_type(kind: str, field: Raw) -> FieldType:
    if kind != "NUMBER":
        return SIMPLE.get(kind, "other")
    settings = cast(Raw, field.get("settings") or {})
    whole = settings.get("dataType") != "float" and not settings.get("decimals")
    return "integer" if whole else "decimal"


def _is_required(field: Raw) -> bool:
    """Nothing may be left out that has neither null nor a default."""
    return field.get("isNullable") is False and field.get("defaultValue") is None and not field.get("isSystem")
