from __future__ import annotations

import importlib.util
import subprocess
import sys
from pathlib import Path
from types import ModuleType

import pytest

ROOT = Path(__file__).resolve().parents[2]
HEAVY = {"torch", "numpy", "scipy", "sklearn", "pyarrow", "matplotlib", "librosa", "soundfile", "audiomentations"}
HEAVY |= {"transformers", "diffusers", "peft", "httpx"}


def _loaded_by(*arguments: str) -> tuple[set[str], subprocess.CompletedProcess[str]]:
    code = (
        "import sys\n"
        f"sys.argv = ['menura', *{list(arguments)!r}]\n"
        "from menura.cli.main import main\n"
        "try:\n    main()\nexcept SystemExit as stop:\n    status = stop.code\n"
        f"print('LOADED', *sorted({HEAVY!r} & set(sys.modules)), file=sys.stderr)\n"
        "sys.exit(status)\n"
    )
    shown = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    loaded = next(line for line in shown.stderr.splitlines() if line.startswith("LOADED"))
    return set(loaded.split()[1:]), shown


def _commands() -> ModuleType:
    spec = importlib.util.spec_from_file_location("make_commands", ROOT / "docs" / "make_commands.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.mark.parametrize(
    "arguments", [["--help"], ["--version"], ["augment", "--help"], ["evaluate", "--help"], ["worker", "new", "--help"]]
)
def test_help_loads_no_heavy_library(arguments: list[str]) -> None:
    loaded, shown = _loaded_by(*arguments)
    assert shown.returncode == 0, shown.stderr
    assert loaded == set()


def test_a_mistake_costs_one_clear_line_and_status_2(tmp_path: Path) -> None:
    _, shown = _loaded_by("audit", str(tmp_path / "nowhere"))
    assert shown.returncode == 2
    assert "nowhere" in shown.stderr
    assert "Traceback" not in shown.stderr


def test_command_pages_equal_the_help() -> None:
    expected = _commands().pages()
    folder = ROOT / "docs" / "commands"
    found = {path.name: path.read_text(encoding="utf-8") for path in folder.glob("*.md")}
    assert found == expected, "run: python docs/make_commands.py"


def test_every_command_starts_its_help_with_an_example() -> None:
    for name, text in _commands().pages().items():
        if name != "index.md":
            assert "Example" in text or "menura " + name.removesuffix(".md") + " " in text, name


def test_python_can_run_the_package() -> None:
    shown = subprocess.run([sys.executable, "-m", "menura", "--version"], capture_output=True, text=True, check=True)
    assert shown.stdout.startswith("menura ")
