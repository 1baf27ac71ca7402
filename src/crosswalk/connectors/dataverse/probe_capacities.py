"""How much the licences and the platform's limits leave room for (facts/dataverse.md §0.10, §5)."""

from collections.abc import Iterator, Mapping

from crosswalk.connectors.dataverse.client import DataverseClient
from crosswalk.connectors.dataverse.description import Description
from crosswalk.connectors.dataverse.probe_answers import found
from crosswalk.model.finding import Finding

CUSTOM_TABLES = 15
"""Of an application under Sales Professional (§0.10)."""
TENANT_ALLOWANCE = 500_000
"""Requests in 24 hours that all application users of a tenant share at the least (§5.5)."""
USER_ALLOWANCE = 40_000
"""Requests in 24 hours of a user with a paid Sales licence (§5.5)."""
_OVERHEAD = 1.15
"""Reading back, matching and checking, in requests for each record written: ids are asked for by the hundred."""


def capacities(client: DataverseClient, description: Description, written: Mapping[str, int]) -> list[Finding]:
    """Custom tables, requests in 24 hours, requests in five minutes."""
    return [*_custom_tables(description, written), _allowance(written, description), _limits(client)]


def _custom_tables(description: Description, written: Mapping[str, int]) -> Iterator[Finding]:
    """No interface tells the licence, so the consultant has to know it."""
    planned = [name for name in written if name not in description.tables]
    held = [table.logical for table in description.tables.values() if table.is_custom and not table.raw.get("IsManaged")]
    total = len(held) + len(planned)
    if not planned:
        return
    over = total > CUSTOM_TABLES
    yield found(
        "custom_table_limit",
        "blocking" if over else "info",
        f"With {len(planned)} new tables the organisation has {total} custom tables; a Sales Professional licence covers "
        f"{CUSTOM_TABLES} of an application.",
        "With a Sales Enterprise or Premium licence accept this finding; else map some records to notes or leave them out."
        if over
        else "Nothing to do with this plan; with Sales Professional, keep it in mind for tables added later.",
        count=total,
        examples=tuple(planned),
    )


def _allowance(written: Mapping[str, int], description: Description) -> Finding:
    """Every record written or read counts, in whatever bundle it travels (§5.5)."""
    records = sum(written.values())
    twice = sum(number for name, number in written.items() if name in description.tables and description.tables[name].is_activity)
    requests = round((records + twice) * _OVERHEAD)
    return found(
        "request_allowance",
        "warning" if requests > TENANT_ALLOWANCE else "info",
        f"About {requests:,} Power Platform requests are needed: each record counts. Application users share {TENANT_ALLOWANCE:,} "
        f"or more in 24 hours (5,000 more for each Dynamics licence); a licensed person has {USER_ALLOWANCE:,}.",
        "Spread the migration over several days with --only, or buy more capacity."
        if requests > TENANT_ALLOWANCE
        else "Nothing to do.",
        count=requests,
    )


def _limits(client: DataverseClient) -> Finding:
    """The service protection limits (§5.1)."""
    rate = client.traffic().requests_per_minute
    known = f"measured at {rate:.0f} requests a minute" if rate else "not yet felt"
    return found(
        "rate_limit",
        "info",
        "Service protection allows a user 6,000 requests, 20 minutes of execution and 52 requests at once in five minutes on each "
        f"web server; here it was {known}.",
        "Nothing to do: the limits are obeyed. Other programs with the same application user share them.",
    )
