"""Asking again, and when to stop."""

from collections.abc import Sequence

import pytest

from crosswalk.kit.retry import until_accepted, until_answered, until_shown
from crosswalk.model.errors import RejectedError, UncertainError, UnreachableError

PAUSES = (0.0, 0.0)


class Platform:
    """Fails in the given ways, one after another, then answers how often it was asked."""

    def __init__(self, failures: Sequence[Exception]) -> None:
        self._failures = list(failures)
        self.asked = 0

    async def ask(self) -> int:
        self.asked += 1
        if self._failures:
            raise self._failures.pop(0)
        return self.asked


@pytest.mark.parametrize("lost", [0, 1, 2])
async def test_a_lost_read_is_asked_again(lost: int) -> None:
    """As often as there are pauses."""
    platform = Platform([UncertainError("no answer", "")] * lost)
    assert await until_answered(platform.ask, "The CRM", "GET people", PAUSES) == lost + 1


async def test_a_read_that_stays_lost_is_said() -> None:
    """Which request, how often, and why."""
    platform = Platform([UncertainError("no answer", "")] * 9)
    with pytest.raises(UnreachableError, match=r"The CRM did not answer GET people \(3 times: no answer\)"):
        await until_answered(platform.ask, "The CRM", "GET people", PAUSES)


@pytest.mark.parametrize("refused", [RejectedError("no", "validation"), UnreachableError("gone")])
async def test_a_refused_read_is_not_asked_again(refused: Exception) -> None:
    """Only silence is answered by asking again."""
    platform = Platform([refused])
    with pytest.raises(type(refused)):
        await until_answered(platform.ask, "The CRM", "GET people", PAUSES)
    assert platform.asked == 1


@pytest.mark.parametrize(
    ("codes", "asked", "accepted"),
    [((), 1, True), (("locked", "locked"), 3, True), (("locked",) * 3, 3, False), (("conflict",), 1, False)],
)
async def test_only_what_time_heals_is_waited_for(codes: Sequence[str], asked: int, accepted: bool) -> None:
    """Other reasons, and the last attempt's refusal, are passed on."""
    platform = Platform([RejectedError("no", code) for code in codes])
    if accepted:
        await until_accepted(platform.ask, {"locked"}, PAUSES)
    else:
        with pytest.raises(RejectedError):
            await until_accepted(platform.ask, {"locked"}, PAUSES)
    assert platform.asked == asked


async def test_a_change_is_read_until_it_shows() -> None:
    """Stale answers are looked at and left."""
    platform = Platform([])
    assert await until_shown(platform.ask, lambda asked: asked == 3, "Create a field", None, PAUSES) == 3


@pytest.mark.parametrize(("lost", "words"), [(None, "does not show it."), (UncertainError("cut off", ""), "it (cut off).")])
async def test_a_change_that_never_shows_is_uncertain(lost: UncertainError | None, words: str) -> None:
    """The error of a request whose answer did not come is in the words."""
    with pytest.raises(UncertainError) as uncertain:
        await until_shown(Platform([]).ask, lambda _: False, "Create a field", lost, PAUSES)
    assert uncertain.value.message.startswith("Create a field was sent") and uncertain.value.message.endswith(words)
