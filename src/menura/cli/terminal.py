"""What a terminal gets to see: text that comes from a dataset, a model or a worker can show itself, and do nothing."""

from __future__ import annotations

import re
from collections.abc import Iterable
from functools import cache
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from rich.console import Console, ConsoleOptions, RenderableType
    from rich.segment import Segment

__all__ = ["console_class", "visible", "visible_json"]

_OBEYED = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u2028-\u202e\u2066-\u2069\ud800-\udfff]")
"""Characters that a terminal obeys, that turn the order of others round, or that it cannot be sent."""


def visible(text: str) -> str:
    r"""The text with every character that a terminal would obey written as Python writes it; lines and tabs stay.

    An escape sequence in a label or a file name could otherwise clear the screen, rename the window, write over an
    error or, on some terminals, type a command.

    Example:
        >>> visible("rain\x1b[2J")
        'rain\\x1b[2J'
    """
    return _OBEYED.sub(lambda found: repr(found[0])[1:-1], text)


def visible_json(text: str) -> str:
    r"""JSON in which these characters stand as ``\uXXXX``: the same value for whoever reads it."""
    return _OBEYED.sub(lambda found: f"\\u{ord(found[0]):04x}", text)


@cache
def console_class() -> type[Console]:
    """A console of rich whose texts are :func:`visible`. Its own colours and bars are no texts."""
    from rich.console import Console
    from rich.text import Text

    class VisibleConsole(Console):
        def render(self, renderable: RenderableType, options: ConsoleOptions | None = None) -> Iterable[Segment]:
            if isinstance(renderable, str):
                renderable = visible(renderable)
            elif isinstance(renderable, Text) and _OBEYED.search(renderable.plain):
                renderable = renderable.copy()
                renderable.plain = visible(renderable.plain)
            return super().render(renderable, options)

    return VisibleConsole
