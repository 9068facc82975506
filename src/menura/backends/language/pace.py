"""How many calls may be under way at once: one more after each good round, half as many when it was too much.

Additive increase, multiplicative decrease (Chiu & Jain 1989, as in TCP): it finds out what a server allows.
"""

from __future__ import annotations

from threading import Condition

__all__ = ["Pace"]


class Pace:
    """Gate that lets at most ``limit`` calls through at a time; ``limit`` follows what becomes of them."""

    def __init__(self, most: int) -> None:
        """Begins with half of ``most``."""
        self._most = most
        self._limit = max(1.0, most / 2)
        self._under_way = 0
        self._epoch = 0
        self._changed = Condition()

    @property
    def limit(self) -> float:
        """Calls that may be under way; the whole part counts."""
        return self._limit

    def enter(self) -> int:
        """Wait for a place; the number that it returns goes back to :meth:`leave`."""
        with self._changed:
            self._changed.wait_for(lambda: self._under_way < int(self._limit))
            self._under_way += 1
            return self._epoch

    def leave(self, epoch: int, *, overloaded: bool | None) -> None:
        """Give the place back.

        Args:
            epoch: What :meth:`enter` returned. Calls that began before the last halving do not halve again: ten
                complaints about one burst are one complaint.
            overloaded: The server had too much (True), answered (False), or said nothing of the kind (None).
        """
        with self._changed:
            self._under_way -= 1
            if overloaded is False:
                self._limit = min(float(self._most), self._limit + 1 / self._limit)
            elif overloaded and epoch == self._epoch:
                self._limit = max(1.0, self._limit / 2)
                self._epoch += 1
            self._changed.notify_all()
