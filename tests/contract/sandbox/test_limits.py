"""The rate limit's two buckets (facts/twenty.md §9)."""

from typing import Any

import pytest
from talk import Talk


@pytest.fixture
def talk(monkeypatch: pytest.MonkeyPatch) -> Talk:
    """A limited sandbox whose machine's clock stands still; tests move the workspace's clock."""
    monkeypatch.setattr("crosswalk_sandbox.control.clock.time.time", lambda: 1_800_000_000.0)
    return Talk(limits=True)


def burst(talk: Talk, count: int) -> int:
    """How many of so many reads are accepted."""
    return sum(talk.call("GET", "/rest/people", limit=0)[0] == 200 for _ in range(count))


def test_a_hundred_calls_pass_then_429_without_retry_after(talk: Talk) -> None:
    """The burst is 100 calls; the refusal names the bucket."""
    assert burst(talk, 120) == 100
    assert talk.message("GET", "/rest/people").startswith("Limit reached (100 tokens per ")


@pytest.mark.parametrize(("gap_s", "accepted"), [(0.3, 10), (0.599, 10), (0.601, 20), (1.1, 20)])
def test_refill_counts_from_the_last_accepted_call(talk: Talk, gap_s: float, accepted: int) -> None:
    """After a drained bucket, 20 calls at a steady gap: under 600 ms every second one is refused, over it none."""
    burst(talk, 120)
    passed = 0
    for _ in range(20):
        talk.server.workspace.clock.offset += gap_s
        passed += burst(talk, 1)
    assert passed == accepted


def test_metadata_costs_nothing_and_every_graphql_root_field_a_token(talk: Talk) -> None:
    """Schema calls go on while core calls meet 429; two root fields take two tokens."""
    two: Any = "query{people(first:1){totalCount} companies(first:1){totalCount}}"
    for _ in range(50):
        assert "errors" not in talk.graphql(two)
    answer = talk.graphql(two)
    assert [error["extensions"]["subCode"] for error in answer["errors"]] == ["LIMIT_REACHED", "LIMIT_REACHED"]
    assert talk.call("GET", "/rest/metadata/objects")[0] == 200
