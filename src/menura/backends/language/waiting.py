"""How long to wait before the same call is made again."""

from __future__ import annotations

from menura.seeding import item_generator

__all__ = ["LONGEST_WAIT_S", "wait_s"]

LONGEST_WAIT_S = 300.0
"""A server that asks for more is given up, with what it asked for in the message."""

_FIRST_S, _MOST_S = 1.0, 60.0


def wait_s(failures: int, asked_s: float | None, *, key: str) -> float:
    """Seconds before the next try: ``min(60, 2^(failures - 1))`` times a factor in [0.5, 1], or what the server asks.

    The factor keeps clients that failed together from coming back together. It belongs to the question and the try, so
    a run can be followed again.

    Args:
        failures: Failed tries so far, 1 or more.
        asked_s: Seconds that the server asked for; waiting longer than that is fine, shorter is not.
        key: Key of the question.
    """
    backing_off = min(_MOST_S, _FIRST_S * 2.0 ** (failures - 1))
    jitter = float(item_generator(0, "language wait", key, failures).uniform(0.5, 1.0))
    return max(backing_off * jitter, asked_s or 0.0)
