"""The errors that Menura raises on purpose. Anything else that escapes is a defect of Menura.

A message says what was found, what was expected, and what to do about it. Each class also inherits the
built-in that it refines, so that ``except ValueError`` works for people who have never heard of it.
"""

from __future__ import annotations

import errno
import os

__all__ = [
    "AudioError",
    "BackendError",
    "BackendLostError",
    "ConfigError",
    "DatasetError",
    "MenuraError",
    "RunError",
    "ran_out_of_disk",
    "ran_out_of_memory",
]


_NO_SPACE = (errno.ENOSPC, errno.EDQUOT)


class MenuraError(Exception):
    """Base of every error that a user can act on. The command line prints it as one line and exits with 2."""


class ConfigError(MenuraError, ValueError):
    """A setting is outside of what it may be, or unknown."""


class DatasetError(MenuraError, ValueError):
    """A dataset cannot be read, or does not hold what was asked for."""


class AudioError(MenuraError, ValueError):
    """A waveform or an audio file is not usable."""


class BackendError(MenuraError, RuntimeError):
    """A generator, encoder or another backend is unknown, not installed, or failed."""


class RunError(MenuraError, RuntimeError):
    """A run directory is missing, damaged, in use, or belongs to another configuration."""


class BackendLostError(BackendError, RunError):
    """A backend cannot go on at all, whatever is asked of it: the run stops, and can be continued."""


def ran_out_of_disk(error: BaseException) -> bool:
    """Whether a disk is full or a quota used up, in the words of Python, or in those of the system as told by another
    program. That says nothing of a request."""
    cause: BaseException | None = error
    while cause is not None:
        if isinstance(cause, OSError) and cause.errno in _NO_SPACE:
            return True
        cause = cause.__cause__
    return any(os.strerror(number) in str(error) for number in _NO_SPACE)


def ran_out_of_memory(error: BaseException) -> bool:
    """Whether the system gave no more memory, in the words of Python, of the system, or of torch on the processor.

    That says something of the machine and its other work. A graphics card that is too small for one request is
    another matter: it will be too small again.
    """
    if isinstance(error, MemoryError) or (isinstance(error, OSError) and error.errno == errno.ENOMEM):
        return True
    said = ("can't allocate memory", "can't start new thread")
    return isinstance(error, RuntimeError) and any(words in str(error) for words in said)
