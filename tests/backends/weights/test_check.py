from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest
from tests.backends.weights.conftest import write_model, write_safetensors

from menura.backends.weights.card import stated_licence
from menura.backends.weights.check import check_folder, described_class, model_type
from menura.errors import BackendError


def write_pipeline(folder: Path) -> Path:
    """A network, a scheduler that has no weights, and no safety checker."""
    write_safetensors(folder / "unet" / "diffusion_pytorch_model.safetensors")
    (folder / "unet" / "config.json").write_text("{}")
    (folder / "scheduler").mkdir()
    index = {
        "_class_name": "SomePipeline", "unet": ["diffusers", "UNet2DModel"],
        "scheduler": ["diffusers", "DDIMScheduler"], "safety_checker": [None, None],
    }  # fmt: skip
    (folder / "model_index.json").write_text(json.dumps(index))
    return folder


def test_whole_models_and_pipelines_are_accepted(tmp_path: Path) -> None:
    model, pipeline = write_model(tmp_path / "model"), write_pipeline(tmp_path / "pipeline")
    check_folder(model)
    check_folder(pipeline)
    assert (described_class(model), described_class(pipeline), model_type(model)) == (
        "ClapModel", "SomePipeline", "clap",
    )  # fmt: skip


def test_pickles_beside_safetensors_and_of_no_part_are_not_read_and_do_no_harm(tmp_path: Path) -> None:
    model, pipeline = write_model(tmp_path / "model"), write_pipeline(tmp_path / "pipeline")
    (model / "pytorch_model.bin").write_bytes(b"")
    (model / "checkpoint-9").mkdir()
    (model / "checkpoint-9" / "optimizer.pt").write_bytes(b"")
    (pipeline / "old.ckpt").write_bytes(b"")
    check_folder(model)
    check_folder(pipeline)


def _pickle(folder: Path) -> None:
    (folder / "unet" / "diffusion_pytorch_model.safetensors").rename(folder / "unet" / "diffusion_pytorch_model.bin")


def _cut(folder: Path) -> None:
    file = folder / "unet" / "diffusion_pytorch_model.safetensors"
    file.write_bytes(file.read_bytes()[:-1])


def _no_safetensors(folder: Path) -> None:
    (folder / "unet" / "diffusion_pytorch_model.safetensors").write_bytes(b"not found")


def _lost_shard(folder: Path) -> None:
    index = {"weight_map": {"a": "diffusion_pytorch_model.safetensors", "b": "model-2.safetensors"}}
    (folder / "unet" / "model.safetensors.index.json").write_text(json.dumps(index))


@pytest.mark.parametrize(
    ("damage", "message"),
    [
        (_pickle, r"pickled weights \(unet/diffusion_pytorch_model.bin\).*menura models convert FOLDER NEW"),
        (_cut, "cut off: download it again"),
        (_no_safetensors, "no safetensors file or is cut off"),
        (_lost_shard, r"lacks model-2.safetensors, which model.safetensors.index.json names: download it again"),
        (lambda folder: (folder / "unet" / "diffusion_pytorch_model.safetensors").unlink(), "holds no weights in unet"),
        (lambda folder: (folder / "model_index.json").write_text("[]"), "holds no settings, expected a JSON object"),
        (lambda folder: (folder / "model_index.json").write_text("{"), "model_index.json cannot be read"),
    ],
)
def test_a_folder_that_is_not_whole_is_refused(tmp_path: Path, damage: Callable[[Path], object], message: str) -> None:
    folder = write_pipeline(tmp_path / "pipeline")
    damage(folder)
    with pytest.raises(BackendError, match=message):
        check_folder(folder)


@pytest.mark.parametrize(
    ("card", "licence"),
    [
        ("---\ntags: [audio]\nlicense: cc0-1.0\n---\n# Model\n", "cc0-1.0"),
        ('---\nlicense: other\nlicense_name: "our terms"\n---\n', "our terms"),
        ("# Model\nlicense: cc0-1.0\n", None),
        ("", None),
    ],
)
def test_the_licence_is_read_from_the_head_of_the_card(tmp_path: Path, card: str, licence: str | None) -> None:
    (tmp_path / "README.md").write_text(card)
    assert stated_licence(tmp_path) == licence
    assert stated_licence(tmp_path / "nowhere") is None
