"""Names of custom components: prefixes, lengths, entity sets, and who may not exist twice (facts/dataverse.md §6.1, §6.9)."""

import re

from .errors import DataverseError
from .organization import Organization

NAME = re.compile(r"([A-Za-z][A-Za-z0-9]{1,7})_[A-Za-z][A-Za-z0-9_]*")
LONGEST = {"Entity": 64, "Attribute": 128, "EntityKey": 128, "EntityRelationship": 100, "OptionSet": 128}
OPTIONS_PER_PREFIX = 10_000


def check(organization: Organization, kind: str, schema_name: str) -> None:
    """Raise DataverseError 400 for a schema name without a publisher's prefix, or one that is too long."""
    most = LONGEST[kind]
    if len(schema_name) > most:
        raise DataverseError(
            400,
            "0x80044367",
            f"Identifiers cannot be more than {most} characters long. The provided schema name {schema_name} length for type "
            f"{kind} is greater.",
        )
    match = NAME.fullmatch(schema_name)
    prefixes = {
        str(row.get("customizationprefix", "")).lower() for row in organization.scan("publisher") if not row.get("isreadonly")
    }
    # Microsoft's Python client names the relationship of a lookup after the table it refers to (`account_new_order_new_AccountId`,
    # create_lookup_field, PowerPlatform-Dataverse-Client 1.1.0): there any well-formed prefix passes.
    known = match is not None and (kind == "EntityRelationship" or match.group(1).lower() in prefixes)
    if not known:
        raise DataverseError(
            400,
            "0x80044366",
            f"The schema name {schema_name} for type {kind} is invalid or missing.Custom attribute, entity, entitykey, option set "
            "and relationship names must start with a valid customization prefix.",
        )


def exists(kind: str, name: str) -> DataverseError:
    """A table, relationship or choice of that name exists. The code for tables is not confirmed (facts §6.9)."""
    return DataverseError(400, "0x80044363", f"{kind} with the specified name {name} already exists.")


def in_use(kind: str, name: str, count: int) -> DataverseError:
    """Something still needs the component (code ComponentDependency; unverified)."""
    return DataverseError(
        400,
        "0x8004f01f",
        f"The {kind}({name}) component cannot be deleted because it is referenced by {count} other components.",
    )


def entity_set(logical: str) -> str:
    """A table's plural, as the platform makes it."""
    if re.search(r"[^aeiou]y$", logical):
        return logical[:-1] + "ies"
    return logical + ("es" if re.search(r"(s|x|z|ch|sh)$", logical) else "s")


def first_option(organization: Organization, solution: str | None) -> int:
    """Where option values start: at the option prefix of the solution's publisher, else of the default one (facts §6.3)."""
    publisher = next((row.get("publisherid") for row in organization.scan("solution") if row.get("uniquename") == solution), None)
    rows = list(organization.scan("publisher"))
    found = next((row for row in rows if row["publisherid"] == publisher), None)
    prefix = (found or {}).get("customizationoptionvalueprefix") or 10_000
    return int(prefix) * OPTIONS_PER_PREFIX


def named_by(text: str, name: str) -> tuple[str, bool]:
    """What stands in brackets: `(LogicalName='x')` → ("x", True), a GUID → (guid, False)."""
    head, mark, value = text.partition("=")
    if mark and head.strip() == name:
        return value.strip().strip("'"), True
    return text.strip().lower(), False
