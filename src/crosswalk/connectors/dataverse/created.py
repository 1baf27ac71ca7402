"""What a table of ours has from the start: the columns that Dataverse adds by itself, as far as a map may use them. Pure."""

from crosswalk.connectors.dataverse.payloads import PRIMARY_NAME_LENGTH, primary_name
from crosswalk.model.destination_schema import DestinationField, DestinationObject
from crosswalk.model.schema_plan import ObjectCreation

_ACTIVE_OR_NOT = ("ACTIVE", "INACTIVE")


def created_object(creation: ObjectCreation, may_set_created_on: bool) -> DestinationObject:
    """A user-owned table right after its creation (facts/dataverse.md §3.6, §3.9, §6.2)."""
    fields = (
        DestinationField(
            path="createdon", type="datetime", label="Created On", writable=may_set_created_on, on_update=False, computed=True
        ),
        DestinationField(path="modifiedon", type="datetime", label="Modified On", writable=False, computed=True),
        DestinationField(path="ownerid", type="reference", label="Owner", to_object="systemuser"),
        DestinationField(path="statecode", type="option", label="Status", options=_ACTIVE_OR_NOT, on_create=False),
        DestinationField(path="statuscode", type="option", label="Status Reason", options=_ACTIVE_OR_NOT, on_create=False),
        DestinationField(path=primary_name(creation.name), type="text", label="Name", max_length=PRIMARY_NAME_LENGTH, custom=True),
    )
    return DestinationObject(
        name=creation.name,
        singular=creation.name,
        label=creation.label,
        custom=True,
        fields=tuple(sorted(fields, key=lambda field: field.path)),
    )
