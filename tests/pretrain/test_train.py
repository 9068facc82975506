import json
from pathlib import Path

import numpy as np
import pytest
import soundfile
import torch

from menura.encoders.front_end import MelFrontEnd
from menura.encoders.learned import LearnedEncoder
from menura.errors import AudioError, BackendError, RunError
from menura.pretrain import train
from menura.pretrain.batches import RENDERED, BatchMaker, batches
from menura.pretrain.learner import learning_rate
from menura.pretrain.settings import PretrainSettings
from menura.pretrain.train import pretrain
from menura.pretrain.views import ViewSettings, changed_views, render_pairs
from menura.synth import DESIGNS, Synthesizer
from menura.types import Recording

TINY = PretrainSettings(voice="voice", steps=6, pairs=8, widths=(8, 8, 16), layers=1, sample_rate=8000)


@pytest.fixture(scope="module")
def encoder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return pretrain(TINY, tmp_path_factory.mktemp("tiny"))


def noise(seconds: float, *, rate: int = 8000, seed: int = 0, channels: int = 1) -> Recording:
    waveform = 0.1 * np.random.default_rng(seed).standard_normal((channels, round(seconds * rate)))
    return Recording(waveform.astype(np.float32), rate)


def test_a_stopped_run_goes_on_to_the_same_bytes(
    encoder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(train, "SAVE_EVERY", 2)

    def stop(stage: str, done: int, total: int) -> None:
        if done == 5:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        pretrain(TINY, tmp_path, progress=stop)
    seen: list[int] = []
    again = pretrain(TINY, tmp_path, progress=lambda stage, done, total: seen.append(done))
    assert seen == [5, 6]
    assert again.read_bytes() == encoder.read_bytes()


def test_a_worker_that_renders_ahead_changes_nothing(tmp_path: Path, encoder: Path) -> None:
    settings = TINY.model_copy(update={"steps": 3})
    alone = pretrain(settings, tmp_path / "alone")
    helped = pretrain(settings, tmp_path / "helped", workers=1)
    assert helped.read_bytes() == alone.read_bytes()


def test_training_pulls_pairs_together(tmp_path: Path) -> None:
    losses: list[float] = []
    settings = TINY.model_copy(update={"steps": 40})
    pretrain(settings, tmp_path, progress=lambda stage, done, total: losses.append(float(stage.split()[1])))
    assert np.mean(losses[-8:]) < np.mean(losses[:8]) - 0.2
    logged = [json.loads(line) for line in (tmp_path / "log.jsonl").read_text().splitlines()]
    assert logged[-1]["step"] == 40


def test_the_papers_setting_trains(tmp_path: Path) -> None:
    settings = PretrainSettings(
        voice="voice", delta=0.25, objective="align_uniform", steps=2, pairs=2, views="spec_augment", echoes=1,
        front_end="vggish", network="resnet18", projection=0, optimiser="sgd", schedule="milestones",
        learning_rate=0.36, weight_decay=1e-6, accumulate=2,
    )  # fmt: skip
    found = LearnedEncoder(pretrain(settings, tmp_path))
    embeddings = found.embed([noise(0.3), noise(2.5)])
    assert embeddings.shape == (2, found.dim) == (2, 512)
    assert np.isfinite(embeddings).all()


def test_the_learning_rate_falls_at_the_milestones() -> None:
    settings = TINY.model_copy(update={"steps": 200, "schedule": "milestones", "learning_rate": 0.36})
    rates = [learning_rate(step, settings) for step in (0, 154, 155, 169, 170, 184, 185, 199)]
    np.testing.assert_allclose(rates, [0.36, 0.36, 0.036, 0.036, 0.0036, 0.0036, 0.00036, 0.00036])


def test_gradients_of_several_batches_are_one_step(tmp_path: Path) -> None:
    seen: list[int] = []
    settings = TINY.model_copy(update={"steps": 2, "accumulate": 3})
    pretrain(settings, tmp_path, progress=lambda stage, done, total: seen.append(done))
    assert seen == [1, 2]


def test_real_recordings_can_take_the_place_of_synthetic_sound(tmp_path: Path) -> None:
    for label in ("low", "high"):
        (tmp_path / "sounds" / label).mkdir(parents=True)
        for number in range(2):
            wave = noise(1.5, seed=number + 2 * (label == "low")).waveform[0]
            soundfile.write(tmp_path / "sounds" / label / f"{number}.wav", wave, 8000)
    settings = TINY.model_copy(update={"data": str(tmp_path / "sounds"), "positives": "mixture", "steps": 2})
    encoder = pretrain(settings, tmp_path / "encoder")
    assert LearnedEncoder(encoder).dim == 512
    assert str(tmp_path).encode() not in encoder.read_bytes()  # it is passed on; folders of its maker are not


@pytest.mark.parametrize("objective", ["masked", "nt_xent+masked"])
def test_hidden_patches_are_told_better_and_a_stop_changes_nothing(
    objective: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(train, "SAVE_EVERY", 10)
    losses: list[float] = []
    settings = TINY.model_copy(update={"steps": 30, "objective": objective})

    def note(stage: str, done: int, total: int) -> None:
        losses.append(float(stage.split()[1]))
        if done == 20 and len(losses) == 20:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        pretrain(settings, tmp_path / "stopped", progress=note)
    stopped = pretrain(settings, tmp_path / "stopped", progress=note)
    assert np.mean(losses[-6:]) < np.mean(losses[:6])
    assert stopped.read_bytes() == pretrain(settings, tmp_path / "whole").read_bytes()


def test_every_weight_changes(tmp_path: Path, encoder: Path) -> None:
    other = pretrain(TINY.model_copy(update={"steps": 1}), tmp_path)
    first, last = (LearnedEncoder(path)._network.state_dict() for path in (other, encoder))
    assert [name for name in first if first[name].ndim > 1 and torch.equal(first[name], last[name])] == []


def test_other_settings_in_the_folder_are_refused_by_name(encoder: Path) -> None:
    with pytest.raises(RunError, match=r"delta was 0.1, is 0.2"):
        pretrain(TINY.model_copy(update={"delta": 0.2}), encoder.parent)


def test_a_damaged_state_is_named(tmp_path: Path) -> None:
    (tmp_path / "state.safetensors").write_bytes(b"nothing")
    with pytest.raises(RunError, match="delete it to train from the start"):
        pretrain(TINY, tmp_path)


def test_pairs_of_different_steps_and_places_are_different_sounds() -> None:
    synthesizer = Synthesizer(DESIGNS["voice"], duration_s=0.1, sample_rate=8000)
    first, next_step = (render_pairs(synthesizer, delta=0.1, seed=0, step=step, num_pairs=4) for step in (0, 1))
    everything = torch.cat([first, next_step])
    assert len(torch.unique(everything, dim=0)) == len(everything) == 16
    assert torch.equal(first, render_pairs(synthesizer, delta=0.1, seed=0, step=0, num_pairs=4))


def test_a_pair_is_heard_as_often_as_asked_and_never_the_same() -> None:
    settings = TINY.model_copy(update={"echoes": 3, "pairs": 4})
    make = BatchMaker(settings)
    heard = make(1)
    assert len(heard) == make.steps == 3 * RENDERED
    assert all(levels.shape == (8, 64, 100) for levels in heard)
    everything = torch.cat(heard)
    assert len(torch.unique(everything.flatten(1), dim=0)) == len(everything)


def test_steps_are_the_same_wherever_a_run_begins() -> None:
    make = BatchMaker(TINY)
    whole = list(batches(make, 0, 11, workers=0))
    for one, other in zip(whole[7:10], batches(make, 7, 10, workers=0), strict=True):
        assert torch.equal(one, other)
    assert len(whole) == 11


def test_half_precision_trains_too(tmp_path: Path, encoder: Path) -> None:
    half = pretrain(TINY.model_copy(update={"precision": "bfloat16"}), tmp_path)
    clip = noise(1.0)
    found, full = (LearnedEncoder(path).embed([clip])[0] for path in (half, encoder))
    assert 0 < np.abs(found - full).max() < 0.2 * np.abs(full).max()


def test_views_change_within_their_limits_and_each_on_its_own() -> None:
    front_end = MelFrontEnd()
    levels = torch.full((64, 64, 100), -0.3)
    views = changed_views(levels, front_end, ViewSettings(), seed=0, step=0)
    assert views.shape == levels.shape
    assert float(views.min()) >= -1
    assert float(views.max()) <= -0.3 + 12.0 / 70 + 0.02
    assert len(torch.unique(views.flatten(1), dim=0)) == 64
    still = changed_views(levels, front_end, ViewSettings(0.0, -200.0, 0.0, 0.0), seed=0, step=0)
    assert float((still - levels).abs().median()) < 1e-4


def test_an_embedding_has_its_size_whatever_the_clip(encoder: Path) -> None:
    found = LearnedEncoder(encoder)
    clips = [noise(0.01), noise(1.0), noise(7.3), noise(2.0, rate=44_100, channels=2), noise(0.001, rate=16_000)]
    embeddings = found.embed(clips)
    assert embeddings.shape == (5, found.dim) == (5, 512)
    assert np.isfinite(embeddings).all()
    np.testing.assert_array_equal(found.embed([clips[2]])[0], embeddings[2])
    assert found.embed([]).shape == (0, 512)


def test_level_leaves_no_trace(encoder: Path) -> None:
    clip = noise(2.0)
    loud, quiet = LearnedEncoder(encoder).embed([clip, Recording(clip.waveform * np.float32(0.01), 8000)])
    np.testing.assert_allclose(loud, quiet, atol=1e-3)


def test_silence_and_a_lone_sample_have_an_embedding(encoder: Path) -> None:
    silent = Recording(np.zeros((1, 8000), np.float32), 8000)
    lone = Recording(np.ones((1, 1), np.float32), 8000)
    assert np.isfinite(LearnedEncoder(encoder).embed([silent, lone])).all()


def test_a_waveform_that_is_none_is_refused(encoder: Path) -> None:
    with pytest.raises(AudioError, match="cannot be embedded"):
        LearnedEncoder(encoder).embed([Recording(np.zeros((1, 0), np.float32), 8000)])
    with pytest.raises(AudioError, match="NaN"):
        LearnedEncoder(encoder).embed([Recording(np.full((1, 9), np.nan, np.float32), 8000)])


@pytest.mark.parametrize("data", [b"", b"nothing", None])
def test_a_file_that_is_no_encoder_is_refused(data: bytes | None, tmp_path: Path) -> None:
    path = tmp_path / "x.safetensors"
    if data is not None:
        path.write_bytes(data)
    with pytest.raises(BackendError, match="cannot be read as an encoder"):
        LearnedEncoder(path)
