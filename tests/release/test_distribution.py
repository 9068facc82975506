"""Wheel and sdist: the same from the tree and from the sdist, whole, nothing else in them, and they work elsewhere."""

from __future__ import annotations

import email
import os
import re
import subprocess
import sys
import tarfile
import zipfile
from dataclasses import dataclass
from pathlib import Path

import pytest

import menura

pytest.importorskip("hatchling", reason="building needs hatchling, which the extra dev brings")

ROOT = Path(__file__).parents[2]
PACKAGE = ROOT / "src" / "menura"
LARGEST_BYTES = 4 << 20
NEVER = re.compile(r"__pycache__|\.pyc$|\.tmp-|\.DS_Store|\.venv|\.git/|\.hypothesis|node_modules|(^|/)\.env")

pytestmark = pytest.mark.skipif(not (ROOT / "pyproject.toml").is_file(), reason="needs the checkout or the sdist")


@dataclass(frozen=True)
class Built:
    """What was built."""

    wheel: Path
    sdist: Path


def build(tree: Path, out: Path, *targets: str) -> None:
    """Build as the back end does for `python -m build`, without downloading it again."""
    words = [word for target in targets for word in ("-t", target)]
    subprocess.run([sys.executable, "-m", "hatchling", "build", "-d", str(out), *words], cwd=tree, check=True)


@pytest.fixture(scope="session")
def built(tmp_path_factory: pytest.TempPathFactory) -> Built:
    """Wheel and sdist of the tree."""
    out = tmp_path_factory.mktemp("dist")
    build(ROOT, out, "wheel", "sdist")
    return Built(next(out.glob("*.whl")), next(out.glob("*.tar.gz")))


def in_wheel(path: Path) -> dict[str, bytes]:
    """Name to bytes."""
    with zipfile.ZipFile(path) as wheel:
        return {name: wheel.read(name) for name in wheel.namelist() if not name.endswith("/")}


def in_sdist(path: Path) -> dict[str, bytes]:
    """Name inside its one folder to bytes."""
    found = {}
    with tarfile.open(path) as sdist:
        for member in sdist.getmembers():
            assert member.isfile(), f"{member.name} is no plain file"
            source = sdist.extractfile(member)
            assert source is not None
            found[member.name.partition("/")[2]] = source.read()
    return found


def in_tree() -> dict[str, bytes]:
    """Every file of the package but caches."""
    return {
        f"menura/{path.relative_to(PACKAGE).as_posix()}": path.read_bytes()
        for path in PACKAGE.rglob("*")
        if path.is_file() and "__pycache__" not in path.parts
    }


def test_the_wheel_holds_every_file_of_the_package_and_nothing_else(built: Built) -> None:
    found = in_wheel(built.wheel)
    about = {name for name in found if name.startswith(f"menura-{menura.__version__}.dist-info/")}
    assert {name: data for name, data in found.items() if name not in about} == in_tree()
    assert {name.partition("/")[2] for name in about} == {
        "METADATA", "WHEEL", "RECORD", "entry_points.txt", "licenses/LICENSE", "licenses/NOTICE",
    }  # fmt: skip
    assert built.wheel.stat().st_size < LARGEST_BYTES


def test_the_sdist_holds_what_is_needed_to_build_test_and_read_and_no_leftovers(built: Built) -> None:
    found = in_sdist(built.sdist)
    assert {name: data for name, data in found.items() if name.startswith("src/menura/")} == {
        f"src/{name}": data for name, data in in_tree().items()
    }
    for needed in (
        "pyproject.toml", "README.md", "LICENSE", "NOTICE", "CHANGELOG.md", "SECURITY.md", "constraints.txt",
        "Makefile", "RELEASING.md", "requirements-lock.txt", "tests/conftest.py", "tests/release/smoke.py",
        "docs/index.md", "mkdocs.yml",
    ):  # fmt: skip
        assert found[needed] == (ROOT / needed).read_bytes(), needed
    assert [name for name in found if NEVER.search(name)] == []
    assert built.sdist.stat().st_size < LARGEST_BYTES


def test_the_wheel_from_the_sdist_is_the_wheel_from_the_tree(built: Built, tmp_path: Path) -> None:
    with tarfile.open(built.sdist) as sdist:
        sdist.extractall(tmp_path, filter="data")
    tree = next(tmp_path.iterdir())
    build(tree, tmp_path / "again", "wheel")
    assert next((tmp_path / "again").glob("*.whl")).read_bytes() == built.wheel.read_bytes()


def test_the_metadata_says_version_python_licence_and_what_is_needed(built: Built) -> None:
    about = email.message_from_bytes(in_wheel(built.wheel)[f"menura-{menura.__version__}.dist-info/METADATA"])
    assert about["Version"] == menura.__version__
    assert about["Requires-Python"] == ">=3.11"
    assert about["License-Expression"] == "Apache-2.0"
    assert about.get_all("License-File") == ["LICENSE", "NOTICE"]
    assert about["Description-Content-Type"] == "text/markdown"
    assert str(about.get_payload()).startswith("# Menura")
    assert "Typing :: Typed" in (about.get_all("Classifier") or [])
    assert about.get_all("Project-URL") is None  # none is invented; RELEASING.md says when they come
    required = about.get_all("Requires-Dist") or []
    assert {re.split(r"[^\w-]", one)[0] for one in required if "extra ==" not in one} >= {"numpy", "torch", "typer"}


def test_no_requirement_points_outside_of_a_package_index(built: Built) -> None:
    about = email.message_from_bytes(in_wheel(built.wheel)[f"menura-{menura.__version__}.dist-info/METADATA"])
    assert [one for one in about.get_all("Requires-Dist") or [] if "@" in one] == []


def new_environment(folder: Path) -> Path:
    """The Python of an empty environment that finds this one's packages, and no Menura.

    Their folder is named in a ``.pth``, whose own ``.pth`` files are not read: the checkout stays out. So nothing is
    downloaded; `make test-dist` does the same with an environment of its own from the package index.
    """
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", str(folder)], check=True)
    python = folder / "bin" / "python"
    here = next(Path(place) for place in sys.path if place.endswith("site-packages"))
    there = next((folder / "lib").glob("python*/site-packages"))
    (there / "packages_of_the_test.pth").write_text(f"{here}\n")
    return python


@pytest.fixture(scope="session")
def installed(built: Built, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The Python of an environment with the wheel."""
    python = new_environment(tmp_path_factory.mktemp("environment") / "venv")
    install = [sys.executable, "-m", "pip", "--python", str(python), "install", "--quiet", "--no-deps", "--no-index"]
    subprocess.run([*install, "--disable-pip-version-check", "--no-compile", str(built.wheel)], check=True)
    return python


def outside(python: Path, folder: Path, *words: str) -> str:
    """What a command prints in an empty folder, with nothing of this process in its environment."""
    kept = ("PATH", "LANG", "OMP_NUM_THREADS", "TMPDIR")
    own = {name: os.environ[name] for name in kept if name in os.environ}
    home = folder / "home"
    home.mkdir(exist_ok=True)
    work = folder / "empty"
    work.mkdir(exist_ok=True)
    done = subprocess.run(
        [*words], cwd=work, env={**own, "HOME": str(home), "MENURA_OFFLINE": "1"}, capture_output=True, text=True,
        check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def test_the_installed_command_tells_its_version_and_helps(installed: Path, tmp_path: Path) -> None:
    command = str(installed.with_name("menura"))
    assert outside(installed, tmp_path, command, "--version") == f"menura {menura.__version__}\n"
    assert "audit" in outside(installed, tmp_path, command, "--help")


def test_the_installed_package_does_the_whole_job_in_an_empty_folder(installed: Path, tmp_path: Path) -> None:
    script = Path(__file__).with_name("smoke.py")
    assert menura.__version__ in outside(installed, tmp_path, str(installed), str(script))


def test_the_doctor_finds_a_file_of_the_package_that_was_altered(installed: Path, tmp_path: Path) -> None:
    code = (
        "from menura.doctor.software import installation; import menura, pathlib\n"
        "page = pathlib.Path(menura.__file__).parent / 'report' / 'template' / 'page.css'\n"
        "whole = page.read_bytes()\n"
        "try:\n"
        "    page.write_bytes(whole + b'/* mine */')\n"
        "    print(*installation().problems)\n"
        "finally:\n"
        "    page.write_bytes(whole)\n"
        "print(installation().problems)\n"
    )
    said = outside(installed, tmp_path, str(installed), "-c", code)
    assert "1 files of the package were altered or are gone (menura/report/template/page.css, …): install again" in said
    assert said.endswith("()\n")
