"""Foreign text made fit for one line of a message."""

from __future__ import annotations

__all__ = ["excerpt"]


def excerpt(text: str, length: int = 160) -> str:
    """``text`` on one line, without control characters, cut after ``length``.

    Example:
        >>> excerpt("one\\n two\\x1b[31m", 40), excerpt("a" * 50, 10)
        ('one two [31m', 'aaaaaaaaa…')
    """
    plain = "".join(sign if sign.isprintable() else " " for sign in text[: 4 * length + 64])
    line = " ".join(plain.split())
    cut = len(line) > length or len(text) > 4 * length + 64
    return line[: length - 1].rstrip() + "…" if cut else line
