from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
from tests.backends.weights.conftest import COMMIT, write_model, write_safetensors

from menura.backends.weights.hub import fetch
from menura.backends.weights.names import find_weights
from menura.errors import BackendError


def test_a_path_is_a_folder_or_a_name_with_or_without_its_revision(tmp_path: Path) -> None:
    own = find_weights(str(write_model(tmp_path / "own")), "v2")
    assert (own.folder, own.name, own.revision) == (tmp_path / "own", None, None)
    plain, tagged, told = find_weights("a/b"), find_weights("a/b@v2"), find_weights("a/b", "v2")
    assert (plain.folder, plain.name, plain.revision) == (None, "a/b", None)
    assert (tagged.name, tagged.revision) == (told.name, told.revision) == ("a/b", "v2")
    assert tagged.identity == told.identity == find_weights("a/b@v2", "v2").identity != plain.identity
    with pytest.raises(BackendError, match=r"names one revision and model\.revision v3 another"):
        find_weights("a/b@v2", "v3")


@pytest.mark.parametrize("path", ["/no/such", "./nothing", "~/nothing", "name", "a/b/c", "a/", "../a/b"])
def test_what_can_be_neither_is_refused(path: str) -> None:
    with pytest.raises(BackendError, match=r"no model folder .*; expected a folder, or a name on the Hub"):
        find_weights(path)


def test_a_file_is_not_a_model(tmp_path: Path) -> None:
    write_safetensors(tmp_path / "model.safetensors")
    with pytest.raises(BackendError, match="is a file, expected the folder of a model"):
        find_weights(str(tmp_path / "model.safetensors"))


def test_the_identity_of_a_folder_is_its_content_and_of_a_fetched_name_its_commit(
    tmp_path: Path, hub_cache: Callable[..., Path]
) -> None:
    folder = write_model(tmp_path / "one")
    same = shutil.copytree(folder, tmp_path / "other")
    known = find_weights(str(folder)).identity
    assert find_weights(str(same)).identity == fetch(find_weights(str(folder))).identity == known
    (same / "README.md").write_text("# A document\n")
    assert find_weights(str(same)).identity == known
    write_safetensors(same / "model.safetensors", b"\0" * 7 + b"\1")
    assert find_weights(str(same)).identity != known
    hub_cache("a/b")
    found = fetch(find_weights("a/b"))
    assert (found.revision, found.identity) == (COMMIT, f"hub:a/b@{COMMIT}")
