"""A record at which the server fails: tried again, refused in the end, never a reason for all others to wait."""

from collections.abc import Sequence
from typing import Any

import orjson
import pytest
from small_organization import organization

from crosswalk.connectors.dataverse.answers import answers_of, refused_alone
from crosswalk.connectors.dataverse.errors import FailedError
from crosswalk.connectors.dataverse.multipart import Part, PartAnswer
from crosswalk.model.errors import RejectedError, UncertainError

TABLE = organization().table("contact")
DONE = PartAnswer(204, {}, b"")


def failed(code: str = "0x80040224", status: int = 500) -> PartAnswer:
    return PartAnswer(status, {}, orjson.dumps({"error": {"code": code, "message": "An unexpected error occurred from ISV code."}}))


class Server:
    """Stands in for the client: answers batches in turn and keeps how many parts each had."""

    def __init__(self, *answers: Sequence[PartAnswer]) -> None:
        self.answers = [list(held) for held in answers]
        self.sent: list[list[Any]] = []

    async def batch_of_described(self, parts: Sequence[Part]) -> list[PartAnswer]:
        self.sent.append([part.body for part in parts])
        return self.answers.pop(0)


def server(*answers: Sequence[PartAnswer]) -> Any:
    return Server(*answers)


PARTS = [Part("POST", "contacts", number) for number in range(3)]


async def test_only_what_failed_is_sent_again() -> None:
    """A deadlock passes; records go out under ids of our choice, so that nothing is doubled."""
    talk = server([DONE, failed(), DONE], [DONE])
    assert await answers_of(talk, PARTS, TABLE, (0.0, 0.0)) == [DONE, DONE, DONE]
    assert talk.sent == [[0, 1, 2], [1]]


async def test_a_refused_second_batch_leaves_the_first_one_s_answers() -> None:
    """What the first carried out was carried out."""

    class Refusing(Server):
        async def batch_of_described(self, parts: Sequence[Part]) -> list[PartAnswer]:
            if self.sent:
                raise RejectedError("It is too large.", "too_large", "Send less.")
            return await super().batch_of_described(parts)

    talk: Any = Refusing([DONE, failed(), DONE])
    answers = await answers_of(talk, PARTS, TABLE, (0.0, 0.0))
    assert [answer.ok for answer in answers] == [True, False, True]


async def test_a_record_that_fails_each_time_is_refused() -> None:
    """Else the engine would read, find it absent, send it again, and never come to the others."""
    talk = server([DONE, failed(), DONE], [failed()], [failed()])
    answers = await answers_of(talk, PARTS, TABLE, (0.0, 0.0))
    error = refused_alone(answers[1], "POST contacts", None)
    assert isinstance(error, RejectedError) and error.code == "rejected" and "0x80040224" in error.message
    assert "plug-in" in error.remedy


@pytest.mark.parametrize("answer", [failed("0x80044151"), PartAnswer(503, {}, b"<html>")], ids=["time-out", "gateway"])
async def test_what_leaves_the_outcome_open_is_settled_by_reading(answer: PartAnswer) -> None:
    """Time-outs and proxies say nothing of the record."""
    talk = server([answer])
    (kept,) = await answers_of(talk, PARTS[:1], TABLE, (0.0,))
    with pytest.raises(UncertainError) as raised:
        refused_alone(kept, "POST contacts", None)
    assert not isinstance(raised.value, FailedError)


async def test_missing_answers_leave_the_outcome_open() -> None:
    """Fewer answers than requests: perhaps carried out."""
    with pytest.raises(UncertainError):
        await answers_of(server([DONE]), PARTS, TABLE, ())
