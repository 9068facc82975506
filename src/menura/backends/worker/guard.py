"""Ends a worker when the program that started it is gone, however it went.

Run as a script of its own, with the standard library alone. Its standard input is a pipe that only the program which
started both holds open: a byte dismisses the guard, the end of the pipe without one means that the program was killed.
A well-behaved worker sees the end of its own input and leaves by itself; any other one is killed after a grace time.
"""

import contextlib
import os
import shutil
import signal
import sys
import time

_STEP_S = 0.05


def main(group: int, grace_s: float, scratch: str) -> None:
    """Wait for the end of standard input, then for the process group, then end it."""
    if os.read(0, 1):
        return
    last = time.monotonic() + grace_s
    while _lives(group) and time.monotonic() < last:
        time.sleep(_STEP_S)
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(group, signal.SIGKILL)
    shutil.rmtree(scratch, ignore_errors=True)


def _lives(group: int) -> bool:
    try:
        os.killpg(group, 0)
    except (ProcessLookupError, PermissionError):
        return False
    return True


if __name__ == "__main__":
    main(int(sys.argv[1]), float(sys.argv[2]), sys.argv[3])
