"""Training the small text-to-audio model: it learns, resumes to the same bytes, and its folder is a model."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import numpy as np
import pytest
import soundfile
import torch
from typer.testing import CliRunner

from menura.backends.licences import licence_of_weights
from menura.backends.mini.model import load_mini
from menura.backends.weights.content import content_of
from menura.cli.main import app
from menura.errors import BackendError, RunError
from menura.lock import locked
from menura.pretrain import generator_training
from menura.pretrain.generator_learner import GeneratorLearner
from menura.pretrain.generator_settings import GeneratorTraining
from menura.pretrain.generator_sounds import CaptionedClip, SoundMaker, told
from menura.pretrain.generator_training import train_generator

pytest.importorskip("diffusers")


def tiny(**changes: object) -> GeneratorTraining:
    values: dict[str, object] = {"size": "tiny", "steps": 6, "batch": 2, "durations_s": (0.5, 1.0)}
    return GeneratorTraining.model_validate(values | changes)


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> Path:
    torch.set_num_threads(1)
    return train_generator(tiny(), tmp_path_factory.mktemp("mini"))


def weights(folder: Path) -> list[bytes]:
    return [path.read_bytes() for path in sorted(folder.rglob("*.safetensors"))]


def test_a_stopped_run_goes_on_to_the_same_bytes(
    trained: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(generator_training, "SAVE_EVERY", 3)

    def stop(stage: str, done: int, total: int) -> None:
        if done == 5:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        train_generator(tiny(), tmp_path, progress=stop)
    train_generator(tiny(), tmp_path)
    assert weights(tmp_path) == weights(trained)


def test_another_setting_in_the_same_folder_is_refused(trained: Path) -> None:
    with pytest.raises(RunError, match="steps was 6, is 7"):
        train_generator(tiny(steps=7), trained)


def test_the_loss_falls() -> None:
    settings = tiny(steps=60, learning_rate=5e-3, durations_s=(0.5,), batch=4, unprompted=0.0)
    maker = SoundMaker(settings)
    learner = GeneratorLearner(settings, generator_training._first(settings, maker))
    sounds = maker(0)
    losses = [learner.step(sounds) for _ in range(60)]
    assert np.mean(losses[-15:]) < 0.85 * np.mean(losses[:15])


def test_a_model_says_how_it_was_made_and_under_which_licence(trained: Path) -> None:
    model = load_mini(trained)
    assert model.facts["steps"] == 6
    assert model.facts["size"] == "tiny"
    assert licence_of_weights(str(trained)).licence == "cc0-1.0"


def test_what_a_step_hears_follows_from_its_number_alone() -> None:
    one, again, other = SoundMaker(tiny())(3), SoundMaker(tiny())(3), SoundMaker(tiny())(4)
    assert torch.equal(one.waveforms, again.waveforms)
    assert one.texts == again.texts
    assert one.texts != other.texts


def test_recordings_are_heard_beside_scenes_and_their_licence_goes_along(tmp_path: Path) -> None:
    noise = np.random.default_rng(0).uniform(-0.5, 0.5, 6000).astype(np.float32)
    soundfile.write(tmp_path / "dog.wav", noise, 8000)
    clips = (CaptionedClip(str(tmp_path / "dog.wav"), ("Sound of a dog", "noise"), licence="CC-BY-4.0"),)
    sounds = SoundMaker(tiny(batch=8, share=0.25), clips)(0)
    assert sum(text in clips[0].texts for text in sounds.texts) == round(0.25 * len(sounds.texts))
    assert len(sounds.waveforms) == len(sounds.texts)
    out = train_generator(tiny(steps=1, data="dogs", training="abc"), tmp_path / "model", clips=clips)
    assert licence_of_weights(str(out)).licence == "CC-BY-4.0"


def test_captions_are_told_in_several_ways_and_keep_their_first_part() -> None:
    random = np.random.default_rng(0)
    ways = {told("rain, with hiss, dry", random) for _ in range(100)}
    assert {"rain", "rain, dry", "Sound of rain, with hiss, dry"} < ways
    assert all(way.removeprefix("Sound of ").startswith("rain") for way in ways)


def test_training_goes_on_from_another_model(trained: Path, tmp_path: Path) -> None:
    out = train_generator(tiny(steps=1, start=str(trained), learning_rate=1e-9), tmp_path / "next")
    before, after = (load_mini(folder).transformer.state_dict() for folder in (trained, out))
    for name, tensor in before.items():
        torch.testing.assert_close(after[name], tensor, atol=2e-3, rtol=0, msg=name)
    assert licence_of_weights(str(out)).licence == "cc0-1.0"
    with pytest.raises(BackendError):
        train_generator(tiny(start=str(tmp_path)), tmp_path / "none")


@pytest.mark.parametrize(("before", "after"), [("CC-BY-NC-3.0", "CC-BY-NC-3.0"), (None, None)])
def test_a_model_that_goes_on_from_another_keeps_its_licence(
    trained: Path, tmp_path: Path, before: str | None, after: str | None
) -> None:
    start = shutil.copytree(trained, tmp_path / "start")
    (start / "README.md").write_text(f"---\nlicense: {before}\n---\n" if before else "# A model\n")
    out = train_generator(tiny(steps=1, start=str(start)), tmp_path / "next")
    assert licence_of_weights(str(out)).licence == after
    assert f"the model start, whose licence applies to it ({before or 'not stated'})" in (out / "README.md").read_text()


def test_the_command_makes_a_model_that_the_generator_takes(tmp_path: Path) -> None:
    config = tmp_path / "mini.toml"
    config.write_text('size = "tiny"\nsteps = 2\nbatch = 2\ndurations_s = [0.5]\n')
    result = CliRunner().invoke(
        app, ["train-generator", "-o", str(tmp_path / "mini"), "-c", str(config), "--workers", "0", "--json"]
    )
    assert result.exit_code == 0, result.output
    assert json.loads(result.stdout)["settings"]["steps"] == 2
    assert (tmp_path / "mini" / "model_index.json").is_file()


def test_a_damaged_model_is_told(trained: Path, tmp_path: Path) -> None:
    broken = tmp_path / "broken"
    shutil.copytree(trained, broken)
    about = json.loads((broken / "sound.json").read_text())
    (broken / "sound.json").write_text(json.dumps(about | {"frames": 3}))
    with pytest.raises(BackendError, match=r"sound\.json and transformer/ do not belong together"):
        load_mini(broken)


def test_a_folder_that_another_process_trains_in_is_left_alone(trained: Path) -> None:
    with locked(trained / ".work"), pytest.raises(RunError, match="in use by process"):
        train_generator(tiny(), trained)


def test_what_only_a_resumed_training_needs_is_no_part_of_the_model(trained: Path, tmp_path: Path) -> None:
    shutil.copytree(trained, tmp_path / "copy")
    before = content_of(tmp_path / "copy")
    shutil.rmtree(tmp_path / "copy" / ".work")
    assert content_of(tmp_path / "copy") == before
