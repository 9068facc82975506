"""One thread for all arithmetic: sums then have one order, and equal requests give equal bytes everywhere."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager

__all__ = ["one_thread"]


_VARIABLE = "OMP_NUM_THREADS"


@contextmanager
def one_thread() -> Iterator[None]:
    """Limit BLAS, OpenMP and torch to one thread; the former numbers come back afterwards.

    A torch that is imported inside starts with one thread, and stays with it.
    """
    from threadpoolctl import threadpool_limits  # type: ignore[import-untyped]  # comes with scikit-learn

    torch, variable = sys.modules.get("torch"), os.environ.get(_VARIABLE)
    before = torch.get_num_threads() if torch is not None else 0
    if torch is not None and before != 1:
        torch.set_num_threads(1)
    os.environ[_VARIABLE] = "1"
    try:
        with threadpool_limits(limits=1):
            yield
    finally:
        if variable is None:
            del os.environ[_VARIABLE]
        else:
            os.environ[_VARIABLE] = variable
        if torch is not None and before != 1:
            torch.set_num_threads(before)
