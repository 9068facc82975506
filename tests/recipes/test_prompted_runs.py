"""The recipes with prompts from beginning to end, on tiny text-to-audio models with random weights."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile

import menura
from menura.config import AmountSettings, GeneratorSettings, JudgeSettings, ModelSettings, RunSettings, SynthioSettings
from menura.datasets import load
from menura.datasets.dataset import TrainingPart
from menura.datasets.sounds import render_sound
from menura.pipeline.render import render_again
from menura.pipeline.run import ClipRecord, Run
from menura.seeding import item_generator

RATE = 8000
Tiny = Callable[[str], Path]


@pytest.fixture(scope="module")
def training(tmp_path_factory: pytest.TempPathFactory) -> TrainingPart:
    """Five sirens and two rains of 0.4 s."""
    folder = tmp_path_factory.mktemp("sounds")
    for label, count in (("siren", 5), ("rain", 2)):
        (folder / label).mkdir()
        for take in range(count):
            waveform = render_sound(label, item_generator(7, label, take), duration_s=0.4, sample_rate=RATE)
            soundfile.write(folder / label / f"{take}.wav", 0.3 * np.asarray(waveform, np.float32), RATE)
    return load(folder).train


def made(training: TrainingPart, out: Path, recipe: str, name: str, **settings: Any) -> Run:
    """A finished run whose judges look at the waveform alone: random weights know no label."""
    model = ModelSettings(num_inference_steps=2, strength=settings.pop("strength", None))
    asked = RunSettings(
        recipe=recipe, generator=GeneratorSettings(name=name, model=model), judge=JudgeSettings(enabled=False),
        **({"amount": AmountSettings(per_label=2)} | settings),
    )  # fmt: skip
    return menura.augment(training, settings=asked, out=out, workers=1)


def records(run: Run) -> list[ClipRecord]:
    """All that was made, kept or not: random weights make clips that the judges of the waveform may refuse."""
    found = list(run.records())
    assert found
    assert all(record.path is not None for record in found)
    return found


def test_labels_alone_become_clips_with_prompt_weights_and_licence(
    training: TrainingPart, tiny: Tiny, tmp_path: Path
) -> None:
    def run_in(folder: str) -> Run:
        return made(training, tmp_path / folder, "label_guided", f"stable-audio:{tiny('stable_audio')}")

    found = records(run_in("run"))
    assert {record.request.prompt for record in found} == {"siren sound", "rain sound"}
    for record in found:
        assert record.provenance.generator == "stable-audio"
        assert record.provenance.revision
        assert record.provenance.weights_licence == "unknown"
        info = soundfile.info(record.path)
        assert (info.samplerate, info.frames) == (RATE, round(0.4 * RATE))
    assert [record.sha256 for record in records(run_in("again"))] == [record.sha256 for record in found]
    assert len({record.sha256 for record in found}) == len(found)


def test_two_models_share_a_run_and_each_makes_some(training: TrainingPart, tiny: Tiny, tmp_path: Path) -> None:
    name = f"stable-audio:{tiny('stable_audio')}+audioldm2:{tiny('audioldm2')}"
    run = made(training, tmp_path / "run", "llm_assisted", name, amount=AmountSettings(per_label=8))
    assert {record.provenance.generator for record in records(run)} == {"stable-audio", "audioldm2"}
    assert all("," in (record.request.prompt or "") for record in records(run))


def test_a_real_clip_is_the_start_where_a_strength_is_given(training: TrainingPart, tiny: Tiny, tmp_path: Path) -> None:
    run = made(training, tmp_path / "run", "label_guided", f"audioldm2:{tiny('audioldm2')}", strength=0.5)
    assert all(len(record.request.parents) == 1 for record in records(run))


def test_rare_labels_are_topped_up_and_the_common_one_is_left(
    training: TrainingPart, tiny: Tiny, tmp_path: Path
) -> None:
    run = made(
        training, tmp_path / "run", "rare_labels", f"stable-audio:{tiny('stable_audio')}", amount=AmountSettings()
    )
    assert {label: rate.target for label, rate in run.keep_rates().items()} == {"rain": 3}
    assert run.settings.generator.name.endswith("+resynth")
    first = [record for record in records(run) if record.request.round == 0]
    assert {record.provenance.generator for record in first} == {"stable-audio"}
    later = [record for record in records(run) if record.request.round == 1]
    kept_nothing = not any(record.judgement.accepted for record in first)
    assert {record.provenance.generator for record in later} == ({"resynth"} if kept_nothing else {"stable-audio"})


def test_events_of_a_model_lie_over_the_background_of_another_label(
    training: TrainingPart, tiny: Tiny, tmp_path: Path
) -> None:
    run = made(training, tmp_path / "run", "mix", f"stable-audio:{tiny('stable_audio')}")
    labels = {clip.id: clip.labels[0] for clip in training.clips}
    for record in records(run):
        annotation: Any = record.facts["annotation"]
        assert 0 <= annotation["onset_s"] < annotation["offset_s"] <= 0.4 + 1e-6
        assert labels[annotation["background"]] not in annotation["labels"]


def test_synthio_asks_a_model_for_captions_of_the_real_clips_mixed(
    training: TrainingPart, tiny: Tiny, tmp_path: Path
) -> None:
    parts = SynthioSettings(align="none", self_reflection=1)
    run = made(training, tmp_path / "run", "synthio", f"stable-audio:{tiny('stable_audio')}", synthio=parts)
    found = records(run)
    prompts = {record.request.prompt for record in found if record.request.round == 0}
    assert len(prompts) == len([record for record in found if record.request.round == 0])
    assert all(record.request.labels[0] in str(record.request.prompt).lower() for record in found)
    assert run.settings.prompts.style == "mixcap"


def test_a_clip_is_made_again_to_the_byte_in_the_company_it_was_made_in(
    training: TrainingPart, tiny: Tiny, tmp_path: Path
) -> None:
    name = f"stable-audio:{tiny('stable_audio')}"
    run = made(training, tmp_path / "run", "llm_assisted", name, shard_size=3)
    last = records(run)[-1]
    assert render_again(run, last.request.id).equal
