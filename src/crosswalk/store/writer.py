"""The journal's one writer: a thread that makes everything queued when it wakes durable in one transaction, one fsync."""

import sys
from collections.abc import Callable
from concurrent.futures import Future
from queue import Empty, SimpleQueue
from threading import Thread
from typing import Any, TypeVar

from sqlalchemy import Connection, Engine
from sqlalchemy.exc import SQLAlchemyError

from crosswalk.model.errors import CrosswalkError
from crosswalk.store.transaction import Memory, Transaction

T = TypeVar("T")
Work = Callable[[Transaction], Any]
_Job = tuple[Work, "Future[Any]"]

_GROUP = 64
"""Jobs in one transaction at most: bounds its memory and how long the first of them waits."""
_SWITCH_SECONDS = 0.0005
"""How long a thread may hold the interpreter while another waits (Python's default: 0.005). Each SQLite step of the writer
gives it up; beside a busy event loop the default let through a sixth of the records (13,600/s of 63,000/s)."""


class Writer:
    """Carries out work on the journal in the order it was submitted. A context of one process; `close` finishes the queue."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._memory = Memory(engine.dialect)
        self._queue: SimpleQueue[_Job | None] = SimpleQueue()
        self._closed = False
        sys.setswitchinterval(min(sys.getswitchinterval(), _SWITCH_SECONDS))
        self._thread = Thread(target=self._serve, name="crosswalk-journal", daemon=True)
        self._thread.start()

    def submit(self, work: Callable[[Transaction], T]) -> "Future[T]":
        """Queue work; its future is done once it is durable. Work may be run twice, the first attempt rolled back."""
        if self._closed:
            raise RuntimeError("the journal is closed")
        future: Future[T] = Future()
        self._queue.put((work, future))
        return future

    def close(self) -> None:
        """Finish what is queued, then stop."""
        if not self._closed:
            self._closed = True
            self._queue.put(None)
            self._thread.join()

    def _serve(self) -> None:
        with self._engine.connect() as connection:
            while (group := self._next_group()) is not None:
                if group:
                    self._carry_out(connection, group)

    def _next_group(self) -> list[_Job] | None:
        first = self._queue.get()
        if first is None:
            return None
        group = [first]
        while len(group) < _GROUP:
            try:
                job = self._queue.get_nowait()
            except Empty:
                break
            if job is None:
                self._queue.put(None)
                break
            group.append(job)
        # A caller that gave up before its work began is not served; from here on it is.
        return [job for job in group if job[1].set_running_or_notify_cancel()]

    def _carry_out(self, connection: Connection, group: list[_Job]) -> None:
        try:
            results = self._in_one(connection, [work for work, _ in group])
        except Exception as error:
            self._memory.forget()
            if len(group) == 1:
                group[0][1].set_exception(_explained(error))
                return
            for job in group:  # one bad job must not fail its neighbours
                self._carry_out(connection, [job])
            return
        for (_, future), result in zip(group, results, strict=True):
            future.set_result(result)

    def _in_one(self, connection: Connection, works: list[Work]) -> list[Any]:
        with connection.begin():
            transaction = Transaction(connection, self._memory)
            results = [work(transaction) for work in works]
            transaction.flush()
        return results


def _explained(error: Exception) -> Exception:
    if not isinstance(error, SQLAlchemyError):
        return error
    cause = getattr(error, "orig", None) or type(error).__name__
    explained = CrosswalkError(
        f"the journal could not be written: {cause}",
        "Nothing left for the destination since. Check the disk's space and rights, then run the verb again.",
    )
    explained.__cause__ = error
    return explained
