"""From a template and its content to one HTML text that holds its own style and script."""

from __future__ import annotations

import base64
import hashlib
from pathlib import Path
from typing import Any

from markupsafe import Markup

from menura.report import words

__all__ = ["data_uri", "render"]

_TEMPLATE = Path(__file__).parent / "template"


def render(name: str, **content: Any) -> str:
    """The page of a template. All content is escaped but what is marked as HTML.

    Args:
        name: File of the template.
        content: What it names; a missing name is an error.
    """
    from jinja2 import Environment, FileSystemLoader, StrictUndefined

    from menura import __version__

    environment = Environment(
        loader=FileSystemLoader(_TEMPLATE), autoescape=True, undefined=StrictUndefined, trim_blocks=True,
        lstrip_blocks=True,
    )  # fmt: skip
    style, script = ((_TEMPLATE / file).read_text(encoding="utf-8").strip() for file in ("page.css", "page.js"))
    return environment.get_template(name).render(
        style=Markup(style), script=Markup(script), policy=_policy(style, script), words=words, version=__version__,
        **content,
    )  # fmt: skip


def data_uri(text: str, kind: str) -> str:
    """A text as an address that holds it, so that a page can offer it as a file.

    Args:
        text: The content.
        kind: Media type, e.g. ``text/csv``.
    """
    return f"data:{kind};charset=utf-8;base64,{base64.b64encode(text.encode()).decode()}"


def _policy(style: str, script: str) -> str:
    """Content security policy: nothing but this page's own style, script, pictures and sounds."""
    hashes = [base64.b64encode(hashlib.sha256(text.encode()).digest()).decode() for text in (style, script)]
    return (
        f"default-src 'none'; style-src 'sha256-{hashes[0]}'; script-src 'sha256-{hashes[1]}'; "
        "img-src data:; media-src data:; base-uri 'none'; form-action 'none'"
    )
