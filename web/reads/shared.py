"""One reading for all who ask the same at the same moment.

A change is told to every screen at once, and each asks for the same counts. Nobody is given a reading that began before
they asked, so what is shared is never staler than what would be read alone.
"""

from collections.abc import Callable, Hashable
from concurrent.futures import Future, wait
from threading import Lock
from typing import Any, TypeVar

T = TypeVar("T")


class Shared:
    """Readings by what they are of. One reads, whoever came before it began waits for it; others wait for the next."""

    def __init__(self) -> None:
        self._lock = Lock()
        self._reading: dict[Hashable, Future[Any]] = {}
        self._next: dict[Hashable, Future[Any]] = {}

    def get(self, of: Hashable, read: Callable[[], T]) -> T:
        """What ``read`` returns or raises, called here or by another who asks for the same.

        Called with no connection in hand: who waits must not keep one from whoever reads.
        """
        with self._lock:
            answer, before = self._next.get(of), self._reading.get(of)
            leads = answer is None
            if answer is None:
                answer = self._next[of] = Future()
        if leads:
            if before is not None:
                wait([before])
            self._read(of, read, answer)
        told: T = answer.result()
        return told

    def _read(self, of: Hashable, read: Callable[[], Any], answer: Future[Any]) -> None:
        with self._lock:  # whoever comes from now on waits for the next
            del self._next[of]
            self._reading[of] = answer
        try:
            answer.set_result(read())
        except BaseException as error:
            answer.set_exception(error)
        finally:
            with self._lock:
                if self._reading.get(of) is answer:
                    del self._reading[of]
