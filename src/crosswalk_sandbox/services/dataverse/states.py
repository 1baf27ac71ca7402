"""States and statuses, and which rows they make read-only (facts/dataverse.md §0.6, §3.9)."""

from typing import Any

from .errors import DataverseError
from .metadata import Row, Table

STATE, STATUS = "statecode", "statuscode"
COMPLETED, CANCELED = 1, 2
# Activities whose closed rows refuse changes (facts say so of appointments; the others are kept as strict, unverified).
READ_ONLY_WHEN_CLOSED = frozenset({"appointment", "phonecall", "task", "email", "campaignresponse"})


def bad_pair(table: Table, state: object, status: object) -> DataverseError:
    return DataverseError(
        400, "0x80048408", f"{status} is not a valid status code for state code {table.schema}State.{state} on {table.logical}."
    )


def at_creation(table: Table, values: Row) -> None:
    """A new row has its table's first state; a status of another state is refused."""
    status = values.get(STATUS)
    column = table.columns.get(STATUS)
    if status is None or column is None or column.options is None:
        values.pop(STATUS, None)
        return
    option = column.options.find(status)
    if option is not None and option.state not in (None, 0):
        raise bad_pair(table, 0, status)


def settle(table: Table, before: Row, values: Row) -> None:
    """Complete and check `values`' state and status against each other and against what the row had."""
    if STATE not in values and STATUS not in values:
        return
    states, statuses = table.columns[STATE].options, table.columns[STATUS].options
    if states is None or statuses is None:
        return
    state: Any = values.get(STATE)
    status: Any = values.get(STATUS)
    if state is None:
        state = before.get(STATE)
    if status is None:
        status = default_status(table, state) if values.get(STATE) is not None else before.get(STATUS)
    option = statuses.find(status)
    if option is None or (option.state is not None and option.state != state):
        raise bad_pair(table, state, status)
    values[STATE], values[STATUS] = state, status


def default_status(table: Table, state: int) -> int | None:
    """The status that a state sets when none is named: the one declared, else the first that belongs to it."""
    states, statuses = table.columns[STATE].options, table.columns[STATUS].options
    declared = states.find(state) if states is not None else None
    if declared is not None and declared.default_status is not None:
        return declared.default_status
    return next((item.value for item in statuses.options if item.state == state), None) if statuses is not None else None


def check_writable(table: Table, before: Row, values: Row) -> None:
    """Refuse a change of a completed or cancelled activity, except of its state."""
    if table.logical not in READ_ONLY_WHEN_CLOSED or before.get(STATE) not in (COMPLETED, CANCELED):
        return
    others = [name for name in values if name not in (STATE, STATUS)]
    if others:
        raise DataverseError(
            400,
            "0x80040233",
            f"The object is not in a valid state to perform this operation: the {table.logical} is completed or canceled "
            "and read-only.",
        )
