"""Training a diffusion model of one's own clips."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import numpy as np
import pytest
import soundfile
import torch
from safetensors.torch import load_file
from typer.testing import CliRunner

from menura.backends.mel_diffusion import load_model
from menura.backends.weights.card import stated_licence
from menura.cli.main import app
from menura.datasets import load
from menura.errors import ConfigError, RunError
from menura.pretrain import denoise
from menura.pretrain.denoise import train_denoiser
from menura.pretrain.denoiser_images import TrainingImages
from menura.pretrain.denoiser_settings import SIZES, DenoiserSettings

pytest.importorskip("diffusers")
RATE = 4000


@pytest.fixture(scope="module")
def sounds(tmp_path_factory: pytest.TempPathFactory) -> str:
    """Two labels of three tones in three folds; those of fold 3 are loud noise."""
    torch.set_num_threads(1)
    folder = tmp_path_factory.mktemp("tones")
    rows = ["file_name,label,fold"]
    for label, low in (("low", 200), ("high", 900)):
        for take in range(3):
            draw = np.random.default_rng(low + take)
            seconds = np.arange(RATE * (1 + take) // 2 * 2) / RATE
            wave = 0.3 * np.sin(2 * np.pi * low * (1 + 0.1 * take) * seconds) + 0.01 * draw.standard_normal(
                len(seconds)
            )
            soundfile.write(folder / f"{label}{take}.wav", draw.uniform(-1, 1, 8000) if take == 2 else wave, RATE)
            rows.append(f"{label}{take}.wav,{label},{take + 1}")
    (folder / "metadata.csv").write_text("\n".join(rows) + "\n")
    return str(folder)


def tiny(sounds: str, **changes: object) -> DenoiserSettings:
    values = {"data": sounds, "test_fold": "3", "size": "tiny", "sample_rate": RATE, "steps": 6, "batch": 4}
    return DenoiserSettings.model_validate(values | changes)


@pytest.fixture(scope="module")
def trained(sounds: str, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return train_denoiser(tiny(sounds), tmp_path_factory.mktemp("model"))


def weights(folder: Path) -> bytes:
    return next((folder / "unet").glob("*.safetensors")).read_bytes()


def test_a_stopped_run_goes_on_to_the_same_bytes(
    sounds: str, trained: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(denoise, "SAVE_EVERY", 2)

    def stop(stage: str, done: int, total: int) -> None:
        if done == 5:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        train_denoiser(tiny(sounds), tmp_path, progress=stop)
    assert not (tmp_path / "model_index.json").exists()
    seen: list[int] = []
    train_denoiser(tiny(sounds), tmp_path, progress=lambda stage, done, total: seen.append(done))
    assert seen == [5, 6]
    assert weights(tmp_path) == weights(trained)
    assert [json.loads(line)["step"] for line in (tmp_path / "log.jsonl").read_text().splitlines()] == [2, 4, 6]


def test_the_model_learns_and_every_weight_changes(sounds: str, tmp_path: Path) -> None:
    losses: list[float] = []
    train_denoiser(
        tiny(sounds, steps=40, batch=4, learning_rate=5e-3), tmp_path,
        progress=lambda stage, done, total: losses.append(float(stage.split()[1])),
    )  # fmt: skip
    assert np.mean(losses[-10:]) < 0.6 * np.mean(losses[:5])
    state = load_file(tmp_path / "state.safetensors")
    first = train_denoiser(tiny(sounds, steps=1, batch=4, learning_rate=1e-9), tmp_path / "first")
    before = load_file(first / "state.safetensors")
    same = [name for name in before if name.startswith("network.") and torch.equal(before[name], state[name])]
    assert same == []


def test_the_averaged_weights_are_what_is_saved(sounds: str, trained: Path, tmp_path: Path) -> None:
    state, saved = load_file(trained / "state.safetensors"), load_file(next((trained / "unet").glob("*.safetensors")))
    assert all(torch.equal(tensor, state[f"averaged.{name}"]) for name, tensor in saved.items())
    assert not torch.equal(state["averaged.conv_in.weight"], state["network.conv_in.weight"])
    plain = train_denoiser(tiny(sounds, ema=0.0), tmp_path)
    state = load_file(plain / "state.safetensors")
    torch.testing.assert_close(state["averaged.conv_in.weight"], state["network.conv_in.weight"], rtol=0, atol=1e-7)


def test_the_folder_is_a_model_with_the_settings_of_its_training(sounds: str, trained: Path) -> None:
    model = load_model(trained)
    settings = tiny(sounds)
    assert (model.mel, model.schedule) == (settings.mel, settings.noise)
    assert "fold 3 held out" in (trained / "README.md").read_text()
    assert sounds not in (trained / "training.json").read_text()


@pytest.mark.parametrize(
    ("licences", "stated"), [(("CC-BY-NC-3.0",), "CC-BY-NC-3.0"), (("CC-BY-3.0", "CC-BY-NC-3.0"), None), (("",), None)]
)
def test_the_model_states_the_licence_of_its_clips(
    sounds: str, tmp_path: Path, licences: tuple[str, ...], stated: str | None
) -> None:
    data = shutil.copytree(sounds, tmp_path / "data")
    head, *rows = (data / "metadata.csv").read_text().split()
    rows = [f"{row},{licences[number % len(licences)]}" for number, row in enumerate(rows)]
    (data / "metadata.csv").write_text("\n".join([f"{head},licence", *rows]) + "\n")
    out = train_denoiser(tiny(str(data), steps=1), tmp_path / "model")
    assert stated_licence(out) == stated
    assert all((licence or "not stated") in (out / "README.md").read_text() for licence in licences)


def test_nothing_is_learned_from_the_held_out_fold(sounds: str) -> None:
    heard = TrainingImages(load(sounds, test_fold="3").train.clips, tiny(sounds))
    everything = torch.cat([heard(step) for step in range(6)])
    assert len(everything) == 24
    greys = everything.mean(dim=(1, 2, 3))
    assert float(greys.max()) < 0.2  # tones on a dark ground; the noise of fold 3 is nearly white
    all_clips = TrainingImages(load(sounds).train.clips, tiny(sounds))
    assert float(all_clips(0).mean(dim=(1, 2, 3)).max()) > 0.4 or float(all_clips(1).mean(dim=(1, 2, 3)).max()) > 0.4


def test_the_images_of_a_step_depend_on_its_number_alone(sounds: str) -> None:
    clips = load(sounds, test_fold="3").train.clips
    one, other = TrainingImages(clips, tiny(sounds)), TrainingImages(clips[::-1], tiny(sounds))
    later = other(3)
    assert torch.equal(one(0), other(0))
    assert torch.equal(one(3), later)
    assert not torch.equal(one(0), later)
    fixed = TrainingImages(clips, tiny(sounds, shift=0.0))
    assert len({image.numpy().tobytes() for step in range(3) for image in fixed(step)}) == len(clips)


def test_other_settings_or_clips_in_the_folder_are_refused(sounds: str, trained: Path) -> None:
    with pytest.raises(RunError, match=r"batch was 4, is 2"):
        train_denoiser(tiny(sounds, batch=2), trained)
    with pytest.raises(RunError, match=r"test_fold was 3, is 2; training clips was"):
        train_denoiser(tiny(sounds, test_fold="2"), trained)


def test_a_damaged_state_is_named(sounds: str, tmp_path: Path) -> None:
    (tmp_path / "state.safetensors").write_bytes(b"nothing")
    with pytest.raises(RunError, match="delete it to train from the start"):
        train_denoiser(tiny(sounds), tmp_path)


def test_every_size_can_be_built_at_its_usual_rate() -> None:
    for name in SIZES:
        settings = DenoiserSettings(data="x", size=name)
        halvings = 2 ** (len(SIZES[name].widths) - 1)
        assert settings.mel.mels % halvings == settings.mel.frames % halvings == 0


def test_the_command_trains_and_is_asked_again(sounds: str, tmp_path: Path) -> None:
    args = [
        "diffusion", "train", sounds, "-o", str(tmp_path), "--test-fold", "3", "--size", "tiny", "--steps", "2",
        "--batch", "2", "--sample-rate", str(RATE), "--precision", "bfloat16", "--json",
    ]  # fmt: skip
    found = CliRunner().invoke(app, args, catch_exceptions=False)
    assert found.exit_code == 0
    assert json.loads(found.stdout)["settings"]["steps"] == 2
    before = weights(tmp_path)
    assert CliRunner().invoke(app, args, catch_exceptions=False).exit_code == 0
    assert weights(tmp_path) == before
    with pytest.raises(ConfigError, match="size"):
        CliRunner().invoke(app, [*args[:8], "huge"], catch_exceptions=False)
