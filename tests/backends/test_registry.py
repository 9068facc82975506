from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from menura.backends import registry
from menura.backends.registry import available, load_encoder, load_generator, names
from menura.config import GeneratorSettings
from menura.errors import BackendError


def add(monkeypatch: pytest.MonkeyPatch, group: registry.Group, **references: str) -> None:
    known = registry._references(group) | references
    monkeypatch.setattr(registry, "_references", lambda asked: known if asked == group else {})


def test_the_built_in_parts_are_listed_and_available() -> None:
    assert "resynth" in names("generators")
    assert "acoustic" in names("encoders")
    assert all(row.available for row in available("encoders") if row.name == "acoustic")


def test_they_are_found_in_a_checkout_that_was_never_installed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(registry, "entry_points", lambda group: ())
    assert load_encoder("acoustic").name == "acoustic"


def test_listing_imports_no_backend() -> None:
    code = (
        "import sys; from menura.backends.registry import available; available('encoders'); available('generators'); "
        "print(sorted({'numpy', 'torch', 'menura.encoders.acoustic', 'menura.generate.resynth'} & set(sys.modules)))"
    )
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout == "[]\n"


def test_an_unknown_name_is_answered_with_the_known_ones_and_a_guess() -> None:
    with pytest.raises(BackendError, match=r"no encoder 'acustic'. Installed: .*acoustic.* Did you mean 'acoustic'\?"):
        load_encoder("acustic")
    with pytest.raises(BackendError, match="no generator 'theremin'"):
        load_generator(GeneratorSettings(name="theremin"))


def test_a_backend_that_needs_a_missing_package_is_listed_with_the_reason(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    (tmp_path / "far_encoder.py").write_text(
        '"""Far away."""\nREQUIRES = ("no_such_model_library",)\nimport no_such_model_library\n\n'
        'class Far:\n    """Hears what is far, see :class:`Far`."""\n'
    )
    monkeypatch.syspath_prepend(str(tmp_path))
    add(monkeypatch, "encoders", far="far_encoder:Far", gone="no_such_package.encoder:Gone")
    rows = {row.name: row for row in available("encoders")}
    assert not rows["far"].available
    assert rows["far"].summary == "Hears what is far, see Far."
    assert "pip install no_such_model_library" in rows["far"].reason
    assert "no_such_package" in rows["gone"].reason
    with pytest.raises(BackendError, match="encoder 'far' cannot be loaded: needs no_such_model_library"):
        load_encoder("far")


def test_a_generator_is_told_the_rate_only_if_it_asks_for_one(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    (tmp_path / "two_generators.py").write_text(
        "class Whole:\n    name, fingerprint, parents_needed = 'whole', 'whole-1', (0, 0)\n"
        "    draw = generate = print\n\n"
        "class WithRate(Whole):\n    def __init__(self, settings, sample_rate=0):\n        self.rate = sample_rate\n\n"
        "class Without(Whole):\n    def __init__(self, settings):\n        self.rate = None\n"
    )
    monkeypatch.syspath_prepend(str(tmp_path))
    add(monkeypatch, "generators", a="two_generators:WithRate", b="two_generators:Without")
    assert load_generator(GeneratorSettings(name="a"), sample_rate=8000).rate == 8000  # type: ignore[attr-defined]
    assert load_generator(GeneratorSettings(name="b"), sample_rate=8000).rate is None  # type: ignore[attr-defined]


def test_a_foreign_module_that_is_no_python_is_listed_with_the_reason_and_breaks_nothing_else(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    (tmp_path / "torn_generator.py").write_text("def (\n")
    (tmp_path / "latin_generator.py").write_bytes(b"name = '\xfc'\n")
    monkeypatch.syspath_prepend(str(tmp_path))
    add(monkeypatch, "generators", torn="torn_generator:Torn", latin="latin_generator:Latin")
    rows = {row.name: row for row in available("generators")}
    assert rows["resynth"].available
    for name in ("torn", "latin"):
        assert f"its module {name}_generator cannot be read" in rows[name].reason
        with pytest.raises(BackendError, match=f"generator '{name}' cannot be loaded: its module"):
            load_generator(GeneratorSettings(name=name))


def test_a_generator_without_all_members_is_refused_by_the_missing_ones(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    (tmp_path / "half_generator.py").write_text(
        "class Half:\n    name = 'half'\n    parents_needed = (1, 1)\n    def __init__(self, settings): pass\n"
        "    @property\n    def fingerprint(self): raise OSError('weights are read here')\n"
    )
    monkeypatch.syspath_prepend(str(tmp_path))
    add(monkeypatch, "generators", half="half_generator:Half")
    with pytest.raises(BackendError, match="'half' cannot be used: Half has no draw, generate; expected name"):
        load_generator(GeneratorSettings(name="half"))


def test_the_statistics_load_without_torch() -> None:
    code = (
        "import sys; from menura.backends.registry import load_encoder; load_encoder('acoustic'); "
        "print('torch' in sys.modules)"
    )
    found = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert found.stdout.strip() == "False"
