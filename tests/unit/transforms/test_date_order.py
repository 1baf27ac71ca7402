"""The order of day and month is inferred from a whole column, with its evidence."""

import pytest

from crosswalk.transforms.dates import DateOrder, infer_date_order

CASES = [
    ([("25/12/2019", 3), ("04/05/2019", 7)], DateOrder("dmy", deciding=3, ambiguous=7)),
    ([("12/25/2019", 2), ("04/05/2019", 1)], DateOrder("mdy", deciding=2, ambiguous=1)),
    ([("25/12/2019", 9), ("12/25/2019", 2)], DateOrder("mixed", deciding=9, contradicting=2)),
    ([("2019-12-25", 4), ("2019-05-04", 1)], DateOrder("ymd", deciding=5)),
    ([("2019-12-25", 4), ("25/12/2019", 1)], DateOrder("dmy", deciding=1, neutral=4)),
    ([("04/05/2019", 1), ("05/05/2019", 2)], DateOrder("unknown", ambiguous=1, neutral=2)),
    ([("5 Mar 2019", 1), ("25-Dec-2019", 2)], DateOrder("ymd", neutral=3)),
    ([("25/12/2019 10:30", 1), ("25/12/2019 99:99", 1)], DateOrder("dmy", deciding=1, unreadable=1)),
    ([("31/02/2019", 1), ("13/13/2019", 2), ("soon", 3)], DateOrder("unknown", unreadable=6)),
    ([("", 5), ("N/A", 2), ("0000-00-00", 9)], DateOrder("unknown")),
    ([("25/12/19", 1), ("01/02/03", 4)], DateOrder("dmy", deciding=1, ambiguous=4)),
]


@pytest.mark.parametrize(("values", "order"), CASES)
def test_order_and_evidence(values: list[tuple[str, int]], order: DateOrder) -> None:
    """The order is what the certain dates agree on; rows, not distinct values, are counted."""
    assert infer_date_order(values) == order


def test_evidence_tells_counts_only() -> None:
    """The evidence can be shown: it holds counts and no value of a patient."""
    evidence = infer_date_order([("25/12/1987", 3), ("04/05/2019", 7)]).evidence
    assert evidence.startswith("3 rows decide it, 7 allow both orders, 0 contradict")
    assert "1987" not in evidence
