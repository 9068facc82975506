"""What is fetched from the Hub, and what is said before; no network is asked."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from tests.backends.weights.conftest import COMMIT, write_model

from menura.backends.weights.hub import download_of, downloads_of, fetch
from menura.backends.weights.names import find_weights
from menura.errors import BackendError

Put = Callable[..., Path]

PIPELINE = [
    "README.md", "model_index.json", "unet/config.json", "unet/diffusion_pytorch_model.safetensors",
    "unet/diffusion_pytorch_model.bin", "unet/diffusion_pytorch_model.fp16.safetensors", "tokenizer/spiece.model",
    "tokenizer/merges.txt", "model.safetensors", "model.ckpt", "sample.wav",
]  # fmt: skip
CLAP = ["README.md", "config.json", "model.safetensors", "pytorch_model.bin", "merges.txt", "chat_template.jinja"]


@pytest.fixture
def server(hub_cache: Put, monkeypatch: pytest.MonkeyPatch) -> Callable[[list[str]], list[str]]:
    """A Hub with one repository of these files; gives the list of those that were downloaded."""
    import huggingface_hub
    from huggingface_hub.utils import filter_repo_objects

    cached = huggingface_hub.snapshot_download

    def with_files(files: list[str]) -> list[str]:
        got: list[str] = []

        def snapshot(name: str, *, local_files_only: bool = False, **asked: Any) -> str:
            if local_files_only:
                return str(cached(name, local_files_only=True, revision=asked["revision"]))
            chosen = {key: asked[key] for key in ("allow_patterns", "ignore_patterns")}
            got.extend(filter_repo_objects(files, **chosen))
            return str(hub_cache(name))

        monkeypatch.setattr(huggingface_hub, "snapshot_download", snapshot)
        monkeypatch.setattr(huggingface_hub.HfApi, "list_repo_files", lambda *_, **__: files)
        return got

    return with_files


@pytest.mark.parametrize(
    ("files", "wanted"),
    [(PIPELINE, {0, 1, 2, 3, 6, 7}), (CLAP, {0, 1, 2, 4, 5})],
    ids=["pipeline", "single model"],
)
def test_no_pickle_and_nothing_twice_is_downloaded(
    server: Callable[[list[str]], list[str]], files: list[str], wanted: set[int]
) -> None:
    got = server(files)
    found = fetch(find_weights("a/b"))
    assert set(got) == {files[place] for place in wanted}
    assert (found.path, found.revision) == ("a/b", COMMIT)


def test_what_is_whole_in_the_cache_is_not_asked_of_the_hub(
    server: Callable[[list[str]], list[str]], hub_cache: Put
) -> None:
    got, folder = server(CLAP), hub_cache("a/b")
    assert download_of(find_weights("a/b")) is None
    assert fetch(find_weights("a/b")).folder == folder
    assert got == []


def _without_weights(folder: Path) -> None:
    write_model(folder)
    (folder / "model.safetensors").unlink()


def _cut_off(folder: Path) -> None:
    write_model(folder)
    (folder / "model.safetensors").write_bytes(b"\0")


@pytest.mark.parametrize("write", [lambda _: None, _without_weights, _cut_off])
def test_a_download_that_was_broken_off_goes_on(
    server: Callable[[list[str]], list[str]], hub_cache: Put, write: Callable[[Path], object]
) -> None:
    got = server(CLAP)
    hub_cache("a/b", write)
    assert download_of(find_weights("a/b")) is not None
    assert fetch(find_weights("a/b")).revision == COMMIT
    assert "model.safetensors" in got


def test_a_download_is_stated_with_name_size_place_and_how_to_forbid_it(hub_cache: Put, tmp_path: Path) -> None:
    weights = [find_weights(path) for path in ("cvssp/audioldm2", "nobody/unknown@v2", "cvssp/audioldm2")]
    known, unknown = map(str, downloads_of([*weights, None]))
    assert known == (
        f"weights cvssp/audioldm2 (about 4.3 GB in float32) will be downloaded to {tmp_path / 'hub'}; "
        "HF_HUB_OFFLINE=1 forbids it"
    )
    assert unknown.startswith("weights nobody/unknown@v2 (of a size that is not known here) will be downloaded to")
    assert download_of(find_weights(str(write_model(tmp_path / "own")))) is None


@pytest.mark.usefixtures("offline")
def test_offline_says_at_once_what_is_missing_and_takes_what_is_there(hub_cache: Put) -> None:
    for use in (download_of, fetch):
        with pytest.raises(BackendError, match=r"nobody/nothing is no folder here and cannot be .* HF_HUB_OFFLINE=1"):
            use(find_weights("nobody/nothing"))
    hub_cache("a/b")
    assert download_of(find_weights("a/b")) is None
    hub_cache("a/half", _cut_off)
    with pytest.raises(BackendError, match="cut off"):
        download_of(find_weights("a/half"))


def test_a_pickle_in_the_cache_is_refused_with_its_conversion(
    hub_cache: Put, server: Callable[[list[str]], list[str]], monkeypatch: pytest.MonkeyPatch
) -> None:
    def pickled(folder: Path) -> None:
        _without_weights(folder)
        (folder / "pytorch_model.bin").write_bytes(b"")

    hub_cache("a/b", pickled)
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", True)
    with pytest.raises(BackendError, match=r"pickled weights \(pytorch_model.bin\).*menura models convert"):
        fetch(find_weights("a/b"))


def test_a_hub_that_cannot_be_reached_is_one_line(hub_cache: Put, monkeypatch: pytest.MonkeyPatch) -> None:
    import huggingface_hub

    def unreachable(*_: object, **__: object) -> None:
        raise OSError("no route\nto host")

    monkeypatch.setattr(huggingface_hub.HfApi, "list_repo_files", unreachable)
    with pytest.raises(BackendError, match=r"cannot be fetched from the Hub \(OSError: no route to host\)") as raised:
        fetch(find_weights("a/b"))
    assert "\n" not in str(raised.value)
    assert "hf download a/b" in str(raised.value)


def test_a_name_that_the_hub_would_not_take_is_said(hub_cache: Put) -> None:
    with pytest.raises(BackendError, match="no name on the Hub"):
        fetch(find_weights("a b/c"))


def test_the_promise_of_no_connection_holds_for_the_hub_too(hub_cache: Put, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MENURA_OFFLINE", "1")
    with pytest.raises(BackendError, match=r"not in the local cache, and MENURA_OFFLINE=1 forbids it"):
        fetch(find_weights("nobody/nothing"))
    hub_cache("a/b")
    assert download_of(find_weights("a/b")) is None
