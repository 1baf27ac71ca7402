"""sdkmessage and sdkmessagefilter: what a client asks to learn whether a table offers a message (facts/dataverse.md §4.4)."""

from .bulk import offers
from .clock import stable_id
from .organization import Organization

PLAIN = ("Create", "Retrieve", "RetrieveMultiple", "Update", "Delete")
BULK = ("CreateMultiple", "UpdateMultiple")
PARTY_MESSAGES = ("RetrieveMultiple",)  # facts §3.8


def sync(organization: Organization) -> None:
    """Bring the rows of both tables in line with the tables that there are."""
    for name in (*PLAIN, *BULK):
        message = stable_id("sdkmessage", name)
        if organization.find("sdkmessage", message) is None:
            organization.put("sdkmessage", message, {"sdkmessageid": message, "name": name})
    wanted: dict[str, dict[str, object]] = {}
    for table in organization.schema.tables.values():
        if table.is_intersect:
            continue
        plain = PARTY_MESSAGES if table.logical == "activityparty" else PLAIN
        for name in (*plain, *(message for message in BULK if offers(table, message))):
            row_id = stable_id("sdkmessagefilter", name, table.logical, table.metadata_id)
            wanted[row_id] = {
                "sdkmessagefilterid": row_id,
                "sdkmessageid": stable_id("sdkmessage", name),
                "primaryobjecttypecode": table.logical,
                "secondaryobjecttypecode": "none",
            }
    held = organization.rows.setdefault("sdkmessagefilter", {})
    for row_id in [key for key in held if key not in wanted]:
        organization.put("sdkmessagefilter", row_id, None)
    for row_id, row in wanted.items():
        if row_id not in held:
            organization.put("sdkmessagefilter", row_id, dict(row))
