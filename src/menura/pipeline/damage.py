"""A table of a run that is not as it was written, in one kind of error."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from menura.errors import MenuraError, RunError

__all__ = ["readable"]


@contextmanager
def readable(path: Path, remedy: str, *, absent: str = "") -> Iterator[None]:
    """Turn whatever a damaged Parquet file makes its reader raise into one clear line.

    Its checksums cover the pages; a header or a footer may still promise other columns, types or sizes, and a cell
    may hold no JSON.

    Args:
        path: The file.
        remedy: What to do about it.
        absent: What to say when there is no file; empty says the same as of a damaged one.

    Raises:
        RunError: The file is missing or damaged.
    """
    import pyarrow as pa

    try:
        yield
    except MenuraError:
        raise
    except (pa.ArrowException, OSError, ValueError, TypeError, KeyError, AttributeError) as error:
        if absent and isinstance(error, FileNotFoundError):
            raise RunError(absent) from error
        words = (str(error).splitlines() or [type(error).__name__])[0]
        raise RunError(f"{path} cannot be read ({words}); {remedy}") from error
