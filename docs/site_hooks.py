"""What ``mkdocs build`` makes beside the pages: the sounds of listen.md, and the example notebooks as pages."""

from __future__ import annotations

import importlib.util
import json
import re
import sys
import tempfile
from functools import lru_cache
from pathlib import Path
from typing import Any

from mkdocs.structure.files import File, Files

NOTEBOOKS = Path(__file__).resolve().parents[1] / "examples" / "notebooks"
_PLACE = re.compile(r"<!-- sounds: ([\w-]+) -->")


@lru_cache(maxsize=1)
def _listen() -> tuple[dict[str, str], dict[str, bytes]]:
    """HTML of the players of each section, and the files; made once, however often ``mkdocs serve`` builds."""
    spec = importlib.util.spec_from_file_location("make_listen", Path(__file__).with_name("make_listen.py"))
    assert spec is not None
    assert spec.loader is not None
    make_listen = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = make_listen
    spec.loader.exec_module(make_listen)
    with tempfile.TemporaryDirectory() as folder:
        made = make_listen.make(Path(folder))
        files = {path.name: path.read_bytes() for path in sorted(Path(folder).iterdir())}
    return {section: make_listen.figures(rows) for section, rows in made.items()}, files


def as_page(notebook: dict[str, Any], name: str) -> str:
    """A notebook as Markdown: its text, and its code as blocks. Outputs are not kept: run it to see them."""
    parts = []
    for cell in notebook["cells"]:
        text = "".join(cell["source"])
        is_text = cell["cell_type"] == "markdown"
        parts.append(text.replace("](../../docs/", "](../") if is_text else f"```python\n{text}\n```")
    title, *rest = parts
    remark = (
        f"[Download the notebook]({name}.ipynb) and run it to see pictures and hear players; the tests run it, too."
    )
    return "\n\n".join([title, remark, *rest]) + "\n"


def on_files(files: Files, config: Any) -> Files:
    """Adds sounds, pictures and notebooks to the site."""
    for name, data in _listen()[1].items():
        files.append(File.generated(config, f"listen/{name}", content=data))
    for path in sorted(NOTEBOOKS.glob("*.ipynb")):
        text = path.read_text(encoding="utf-8")
        files.append(File.generated(config, f"notebooks/{path.stem}.md", content=as_page(json.loads(text), path.stem)))
        files.append(File.generated(config, f"notebooks/{path.name}", content=text))
    return files


def on_page_markdown(markdown: str, *, page: Any, config: Any, files: Files) -> str:
    """Puts the players in their places."""
    if page.file.src_uri != "listen.md":
        return markdown
    return _PLACE.sub(lambda place: _listen()[0][place[1]], markdown)
